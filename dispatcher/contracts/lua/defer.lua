-- defer: somebody is still pending; try again later.
-- pre:  the token is the job's, the job is being sent.
-- post: fates are recorded, the job is `deferred`, the payload is untouched and lives no longer than before.
-- ARGV: id token changes why delay cls code esc phase warn    gives: 1, or 0 when the job is another's
local now = clock()
local id = ARGV[1]
local job = read(id)
if job.tok ~= ARGV[2] or (job.st ~= 'sending' and job.st ~= 'committing') then
  return 0
end
job.fates = merge(job.fates, ARGV[3])
job.why = ARGV[4] ~= '' and ((job.why and job.why .. ',' or '') .. ARGV[4]) or job.why
job.cls, job.code, job.esc, job.phase, job.perm = ARGV[6], ARGV[7], ARGV[8], ARGV[9], '0'
job.warn = ARGV[10] ~= '' and ARGV[10] or job.warn
write(id, job, { 'fates', 'why', 'cls', 'code', 'esc', 'phase', 'perm', 'warn' })
local next_at = math.min(now + tonumber(ARGV[5]), tonumber(job.deadline))
redis.call('HSET', key('job', id), 'st', 'deferred', 'upd', now)
redis.call('HDEL', key('job', id), 'lease')
redis.call('ZADD', key('sched'), next_at, id)
return 1
