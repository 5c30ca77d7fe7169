-- debug_note: what a worker has to tell of a job while its tenant's debug session lasts.
-- pre:  none.
-- post: nothing changed, since the session has ended; or the entries are the last of it, and it has no more than so many.
-- ARGV: {tp id ends most} entry ...    gives: 1, or 0 when it has ended
local said = cmsgpack.unpack(ARGV[1])
local session = redis.call('GET', key('debug', said.tp))
if not session or session:sub(3, 28) ~= said.id then  -- as it is packed: an array of four, whose first is the id
  return 0
end
for i = 2, #ARGV do
  redis.call('RPUSH', key('dbg', said.tp), ARGV[i])
end
redis.call('LTRIM', key('dbg', said.tp), -said.most, -1)
redis.call('PEXPIREAT', key('dbg', said.tp), said.ends)
return 1
