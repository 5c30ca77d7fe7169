-- sweep: what time itself brings about: due deferrals, dead leases, deadlines.
-- pre:  none; one sweeper works at a time.
-- post: at most `most` jobs that were due have moved on; no open job is due.
-- ARGV: pause most lane ...    gives: the lanes in which something is runnable and no bell is waiting
local now = clock()
if not redis.call('SET', key('sweeping'), 1, 'NX', 'PX', ARGV[1]) then
  return {}
end

local function unconfirm(id, job)
  job.fates = job.fates:gsub('f', job.on_unknown == 'retry' and 'p' or 'u')
  job.cls, job.code, job.esc, job.phase = 'outcome_unknown', nil, nil, 'dot'
  write(id, job, { 'fates', 'cls', 'code', 'esc', 'phase' })
  if job.fates:find('p') then
    queue(id, job, now)
  else
    close(id, job, verdict(job.fates), now)
  end
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('sched'), '-inf', now, 'LIMIT', 0, ARGV[2])) do
  local job = read(id)
  if not job.st or FINAL[job.st] then
    redis.call('ZREM', key('sched'), id)
  elseif job.st == 'committing' then
    unconfirm(id, job)
  elseif now >= tonumber(job.deadline) then
    close(id, job, job.fates:find('u') and 'unknown' or job.fates:find('a') and 'partial' or 'expired', now)
  else
    if job.st == 'sending' then
      job.cls, job.code, job.esc, job.phase = 'worker_lost', nil, nil, nil
      write(id, job, { 'cls', 'code', 'esc', 'phase' })
    end
    queue(id, job, now)
  end
end

local silent = {}
for i = 3, #ARGV do
  if redis.call('EXISTS', key('run', ARGV[i])) == 1 and redis.call('LLEN', PREFIX .. 'bell.' .. ARGV[i]) == 0 then
    silent[#silent + 1] = ARGV[i]
  end
end
return silent
