-- fence: leave to write the final dot. No record, no dot.
-- pre:  the body is written, the dot is not.
-- post: the job is `committing`, the message's recipients are in flight, and the lease outlives the wait for the reply.
-- ARGV: {id, token, lease, changes} courtesy    gives: 1, or 0 when the dot must not be written
local said = cmsgpack.unpack(ARGV[1])
local now = clock()
local job = read(said.id)
if job.st ~= 'sending' or tonumber(job.tok) ~= said.token or redis.call('EXISTS', key('pay', said.id)) == 0 then
  return 0
end
redis.call('HSET', key('job', said.id), 'st', 'committing', 'upd', now, 'fates', merge(job.fates, said.changes))
hold_on(said.id, job, now + said.lease, now)
return 1
