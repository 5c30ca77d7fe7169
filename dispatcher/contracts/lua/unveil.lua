-- unveil: what a worker has read of a job that was sealed end to end: to whom it goes, so that it waits where the others wait.
-- pre:  the token is the job's, the job is being sent, and its record names no destination.
-- post: it does; whom to tell of the end is kept, if anybody. The job is the first in the queue of its destination, no attempt is counted.
-- ARGV: {id token record callback_ttl} callback    gives: 1, or 0 when the job is another's; and whether there is more to claim
local said, callback = cmsgpack.unpack(ARGV[1]), ARGV[2]
local now = clock()
local id, job = said.id, read(said.id)
if tonumber(job.tok) ~= said.token or job.st ~= 'sending' or job.dp then
  return { 0, 0 }
end
leave(id, job)
for name, value in pairs(said.record) do
  job[name] = value
  redis.call('HSET', key('job', id), name, value)
end
if callback ~= '' then
  redis.call('SET', key('cb', id), callback, 'PXAT', job.deadline + said.callback_ttl)
  redis.call('HSET', key('job', id), 'cb', '1')
end
redis.call('HINCRBY', key('job', id), 'att', -1)
queue(id, job, now, true)
return { 1, more() }
