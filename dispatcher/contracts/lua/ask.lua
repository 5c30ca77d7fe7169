-- ask: a question for whichever worker is free, unless its tenant has asked too often within a minute.
-- pre:  the id is fresh; the deadline was reckoned by a clock that may be wrong.
-- post: nothing changed; or the sealed question exists until its deadline, its id and binding stand in the list, and the tenant has asked once more.
--       Questions at the head whose time is over are gone, so that the list does not grow while nobody takes.
-- KEYS: pay ask rate bell    ARGV: id sealed deadline ttl tp per_minute
-- gives: {'asked', bell needed} | {'often', seconds to wait} | {'clock', now}
local MINUTE, DEAD_AT_ONCE = 60000, 10
local now, id, deadline, most = clock(), ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[6])
local first = tonumber(redis.call('LINDEX', KEYS[3], most - 1) or 0)
if first + MINUTE > now then
  return { 'often', math.ceil(math.min(first + MINUTE - now, MINUTE) / 1000) }
end
if math.abs(deadline - now - tonumber(ARGV[4])) > 1000 then
  return { 'clock', now }
end
for _ = 1, DEAD_AT_ONCE do
  local oldest = redis.call('LINDEX', KEYS[2], 0)
  if not oldest or redis.call('EXISTS', key('pay', oldest:match('^%S+'))) == 1 then
    break
  end
  redis.call('LPOP', KEYS[2])
end
redis.call('LPUSH', KEYS[3], string.format('%d', now))
redis.call('LTRIM', KEYS[3], 0, most - 1)
redis.call('PEXPIRE', KEYS[3], MINUTE)
redis.call('SET', KEYS[1], ARGV[2], 'PXAT', deadline)
redis.call('RPUSH', KEYS[2], id .. ' ' .. ARGV[3] .. ' ' .. ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[4] + 1000)
return { 'asked', redis.call('LLEN', KEYS[4]) == 0 and 1 or 0 }
