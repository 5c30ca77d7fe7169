-- cancel: the submitter changed her mind, before the dot.
-- pre:  none.  post: the job is `canceled`, its payload is gone, and no token that is out there passes the fence.
-- ARGV: id tp    gives: 'canceled' | 'late' | 'unknown'
local now = clock()
local job = read(ARGV[1])
if not job.st or job.tp ~= ARGV[2] then
  return 'unknown'
elseif job.st == 'canceled' then
  return 'canceled'
elseif FINAL[job.st] or job.st == 'committing' or job.dot or job.fates:find('[afu]') then
  return 'late'
end
redis.call('HINCRBY', key('job', ARGV[1]), 'tok', 1)
job.cls, job.code, job.esc, job.phase, job.perm = nil, nil, nil, nil, nil
write(ARGV[1], job, { 'cls', 'code', 'esc', 'phase', 'perm' })
return close(ARGV[1], job, 'canceled', now)
