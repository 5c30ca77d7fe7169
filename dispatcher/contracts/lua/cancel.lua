-- cancel: the submitter changed her mind, before the dot.
-- pre:  none.  post: the job is `canceled`, its payload is gone, and no token that is out there passes the fence.
-- ARGV: {id, tp}    gives: 'canceled' | 'late' | 'unknown'
local said = cmsgpack.unpack(ARGV[1])
local now = clock()
local job = read(said.id)
if not job.st or job.tp ~= said.tp then
  return 'unknown'
elseif job.st == 'canceled' then
  return 'canceled'
elseif FINAL[job.st] or job.st == 'committing' or job.dot or job.fates:find('[afu]') then
  return 'late'
end
redis.call('HINCRBY', key('job', said.id), 'tok', 1)
job.cls, job.code, job.esc, job.phase, job.perm = nil, nil, nil, nil, nil
write(said.id, job, { 'cls', 'code', 'esc', 'phase', 'perm' })
return close(said.id, job, 'canceled', now)
