-- ask: a question for whichever worker is free, unless its tenant has asked the like too often within a minute.
-- pre:  the id is fresh; the deadline was reckoned by a clock that may be wrong.
-- post: nothing changed; or the sealed question exists until its deadline, its id and binding stand in the list, and the tenant has asked
--       once more.
--       Questions at the head whose time is over are gone, so that the list does not grow while nobody takes.
-- ARGV: {id, deadline, ttl, tp, kind, per_minute, lane} sealed
-- gives: {'asked', bell needed} | {'often', seconds to wait} | {'clock', now}
local MINUTE, DEAD_AT_ONCE = 60000, 10
local said = cmsgpack.unpack(ARGV[1])
local now, most, rate, list = clock(), said.per_minute, key('rate', said.kind, said.tp), key('ask')
local first = tonumber(redis.call('LINDEX', rate, most - 1) or 0)
if first + MINUTE > now then
  return { 'often', math.ceil(math.min(first + MINUTE - now, MINUTE) / 1000) }
end
if math.abs(said.deadline - now - said.ttl) > 1000 then
  return { 'clock', now }
end
for _ = 1, DEAD_AT_ONCE do
  local oldest = redis.call('LINDEX', list, 0)
  if not oldest or redis.call('EXISTS', key('pay', oldest:match('^%S+'))) == 1 then
    break
  end
  redis.call('LPOP', list)
end
redis.call('LPUSH', rate, string.format('%d', now))
redis.call('LTRIM', rate, 0, most - 1)
redis.call('PEXPIRE', rate, MINUTE)
redis.call('SET', key('pay', said.id), ARGV[2], 'PXAT', said.deadline)
redis.call('RPUSH', list, string.format('%s %d %s', said.id, said.deadline, said.tp))
redis.call('PEXPIRE', list, said.ttl + 1000)
return { 'asked', redis.call('LLEN', PREFIX .. 'bell.' .. said.lane) == 0 and 1 or 0 }
