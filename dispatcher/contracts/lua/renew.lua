-- renew: a longer lease for who still holds the job.
-- pre:  the token is the job's.  post: the lease ends later; nothing else changed.
-- ARGV: id token lease    gives: 1, or 0 when the job is another's
local now = clock()
local st, token, held = unpack(redis.call('HMGET', key('job', ARGV[1]), 'st', 'tok', 'lease'))
if token ~= ARGV[2] or (st ~= 'sending' and st ~= 'committing') then
  return 0
end
local until_ms = math.max(now + tonumber(ARGV[3]), tonumber(held))
redis.call('HSET', key('job', ARGV[1]), 'lease', until_ms)
redis.call('ZADD', key('sched'), until_ms, ARGV[1])
return 1
