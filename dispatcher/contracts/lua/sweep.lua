-- sweep: what time itself brings about: due deferrals, dead leases, deadlines.
-- pre:  none; one sweeper works at a time.
-- post: at most `most` jobs that were due have moved on; no open job is due.
-- ARGV: pause most lane ...    gives: the lanes in which something is runnable and no bell is waiting
local MOST_LOST = 10
local now = clock()
-- The lanes of the asker in which something is runnable and no bell is waiting; told to every asker, whoever sweeps.
local function silent()
  local lanes = {}
  for i = 3, #ARGV do
    if redis.call('EXISTS', key('run', ARGV[i])) == 1 and redis.call('LLEN', PREFIX .. 'bell.' .. ARGV[i]) == 0 then
      lanes[#lanes + 1] = ARGV[i]
    end
  end
  return lanes
end

if not redis.call('SET', key('sweeping'), 1, 'NX', 'PX', ARGV[1]) then
  return silent()
end

local function unconfirm(id, job)
  job.dot = job.on_unknown == 'retry' and '1' or nil
  job.fates = job.fates:gsub('f', job.dot and 'p' or 'u')
  job.cls, job.code, job.esc, job.phase = 'outcome_unknown', nil, nil, 'dot'
  write(id, job, { 'fates', 'cls', 'code', 'esc', 'phase', 'dot' })
  if job.fates:find('p') then
    queue(id, job, now)
  else
    close(id, job, verdict(job.fates), now)
  end
end

-- A worker died over this job; a job that so many died over is poison, and ends.
local function recover(id, job)
  job.cls, job.code, job.esc, job.phase = 'worker_lost', nil, nil, nil
  job.lost = tostring(tonumber(job.lost or '0') + 1)
  if tonumber(job.lost) < MOST_LOST then
    write(id, job, { 'cls', 'code', 'esc', 'phase', 'lost' })
    return queue(id, job, now)
  end
  job.fates, job.perm = job.fates:gsub('[pf]', job.dot and 'u' or 'r'), '1'
  write(id, job, { 'fates', 'cls', 'code', 'esc', 'phase', 'perm' })
  return close(id, job, verdict(job.fates), now)
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('sched'), '-inf', now, 'LIMIT', 0, ARGV[2])) do
  local job = read(id)
  if not job.st or FINAL[job.st] then
    redis.call('ZREM', key('sched'), id)
  elseif job.st == 'committing' then
    unconfirm(id, job)
  elseif now >= tonumber(job.deadline) then
    expire(id, job, now)
  elseif job.st == 'sending' then
    recover(id, job)
  else
    queue(id, job, now)
  end
end

return silent()
