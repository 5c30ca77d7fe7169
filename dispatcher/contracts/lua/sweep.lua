-- sweep: what time itself brings about: due deferrals, dead leases, deadlines, queues that were parked.
-- pre:  none; one sweeper works at a time.
-- post: the jobs that were due first have moved on, `most` of them at the most.
-- ARGV: {pause, most, worker}    gives: lanes, one for each bell that is missing: no more than others are idle
local MOST_LOST = 10
local said = cmsgpack.unpack(ARGV[1])
local now = clock()
if not redis.call('SET', key('sweeping'), 1, 'NX', 'PX', said.pause) then
  return {}
end

local function again(id, job)
  add_to('again|' .. job.cls, now, 1)
  leave(id, job)
  queue(id, job, now)
end

local function unconfirm(id, job)
  job.dot = job.on_unknown == 'retry' and '1' or nil
  job.fates = job.fates:gsub('f', job.dot and 'p' or 'u')
  job.cls, job.code, job.esc, job.phase = 'outcome_unknown', nil, nil, 'dot'
  write(id, job, { 'fates', 'cls', 'code', 'esc', 'phase', 'dot' })
  if not job.fates:find('p') then
    return close(id, job, verdict(job.fates), now)
  end
  again(id, job)
end

-- A worker died over this job; a job that so many died over is poison, and ends.
local function recover(id, job)
  job.cls, job.code, job.esc, job.phase = 'worker_lost', nil, nil, nil
  job.lost = tostring(tonumber(job.lost or '0') + 1)
  if tonumber(job.lost) >= MOST_LOST then
    return give_up(id, job, job, now)
  end
  write(id, job, { 'cls', 'code', 'esc', 'phase', 'lost' })
  again(id, job)
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('sched'), '-inf', now, 'LIMIT', 0, said.most)) do
  local job = read(id)
  if not job.st or FINAL[job.st] then
    redis.call('ZREM', key('sched'), id)
    for _, lane in ipairs(LANES) do
      redis.call('ZREM', key('waiting', lane), id)
      redis.call('ZREM', key('deferred', lane), id)
    end
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

if redis.call('EXISTS', key('sched')) == 0 then
  redis.call('DEL', key('met', 'open'))  -- of jobs whose records died while nobody swept, nobody knows how large they were
end

for _, name in ipairs(redis.call('ZRANGEBYSCORE', key('park'), '-inf', now, 'LIMIT', 0, said.most)) do
  redis.call('ZREM', key('park'), name)
  enter(name)
end

-- How many other processes of each lane have a slot to spare.
local function idle()
  local number = {}
  for _, worker in ipairs(redis.call('SMEMBERS', key('pools'))) do
    local slots, busy, lanes = unpack(redis.call('HMGET', key('pool', worker), 'slots', 'busy', 'lanes'))
    if not slots then
      redis.call('SREM', key('pools'), worker)
    elseif worker ~= said.worker and tonumber(busy) < tonumber(slots) then
      for lane in lanes:gmatch('[^,]+') do
        number[lane] = (number[lane] or 0) + 1
      end
    end
  end
  return number
end

local bells = {}
for lane, workers in pairs(idle()) do
  local missing = math.min(workers, redis.call('LLEN', key('run', lane))) - redis.call('LLEN', PREFIX .. 'bell.' .. lane)
  for _ = 1, missing do
    bells[#bells + 1] = lane
  end
end
return bells
