-- fence: leave to write the final dot. No record, no dot.
-- pre:  the body is written, the dot is not.
-- post: the job is `committing`, the message's recipients are in flight, and the lease outlives the wait for the reply.
-- ARGV: id token lease changes    gives: 1, or 0 when the dot must not be written
local now = clock()
local job = read(ARGV[1])
if job.st ~= 'sending' or job.tok ~= ARGV[2] or redis.call('EXISTS', key('pay', ARGV[1])) == 0 then
  return 0
end
local until_ms = now + tonumber(ARGV[3])
redis.call('HSET', key('job', ARGV[1]), 'st', 'committing', 'lease', until_ms, 'upd', now, 'fates', merge(job.fates, ARGV[4]))
redis.call('ZADD', key('sched'), until_ms, ARGV[1])
return 1
