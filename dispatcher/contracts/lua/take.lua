-- take: the oldest question that can still be answered, for whoever takes it first.
-- pre:  none.
-- post: no question was left; or one, and every older one whose time was over, stands in the list no more and its sealed question is gone.
-- gives: {} | {id, deadline, tp, now, sealed}
local now = clock()
local entry = redis.call('LPOP', key('ask'))
while entry do
  local id, deadline, tp = entry:match('^(%S+) (%S+) (%S+)$')
  local sealed = redis.call('GET', key('pay', id))
  if sealed then
    redis.call('DEL', key('pay', id))
    return { id, deadline, tp, now, sealed }
  end
  entry = redis.call('LPOP', key('ask'))
end
return {}
