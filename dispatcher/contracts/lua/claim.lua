-- claim: the next runnable job, tenants taking turns, leased to whoever asks.
-- pre:  none.
-- post: nothing was runnable; or one job is `sending` under a new token, has its seats, and its lease is what happens next.
--       A queue that was looked at and may not go on stands in the line for what it lacks, or is parked; no attempt is counted.
-- ARGV: {lease, lanes, token} courtesy; the first lane goes first
-- gives: {beside} | {''} when there is more to look at
--        | {id, attempt, now, sealed, tp, deadline, accepted, fates, tries, first, debug, is_new, messages, more, beside}
local MOST_LOOKS = 100
local said = cmsgpack.unpack(ARGV[1])
local now = clock()

local function lease(id, job)
  local attempt = redis.call('HINCRBY', key('job', id), 'att', 1)
  redis.call('HSET', key('job', id), 'st', 'sending', 'tok', said.token, 'upd', now, 'hand', now)
  hold(id, job, now + said.lease)
  start(id, job, now)
  local sealed, debug = redis.call('GET', key('pay', id)), redis.call('GET', key('debug', job.tp)) or ''
  local fates, tries, first = job.dp and job.fates or '', job.tries or '', job.first or '0'
  local is_new = job.tok == '0' and 1 or 0
  return { id, attempt, now, sealed, job.tp, job.deadline, job.accepted, fates, tries, first, debug, is_new, grant(job, now) }
end

-- gives: what was leased, if it may be in hand now
local function go_on(name, id, job, breaker)
  local seat, moment = hindrance(job, breaker, now)
  if seat or moment then
    return step_aside(name, seat, moment, now)
  end
  take(name)
  return lease(id, job)
end

local function judge(name, id, job, breaker)
  if job.st ~= 'queued' then
    take(name)
  elseif redis.call('EXISTS', key('pay', id)) == 0 then
    take(name)
    expire(id, job, now)
  elseif tonumber(breaker.locked or 0) > now then
    take(name)
    give_up(id, job, breaker, now)
  else
    return go_on(name, id, job, breaker)
  end
end

local function look(name)
  local id = redis.call('LINDEX', list_of(name), 0)
  local job = read(id)
  local breaker = breaker_of(job)
  local leased = judge(name, id, job, breaker)
  if job.tp then
    let_follow(job, breaker, now)
  end
  return leased
end

local lanes, pool = {}, 'pool:' .. (said.lanes[2] and table.concat(LANES, '+') or said.lanes[1])
for _, lane in ipairs(said.lanes) do
  lanes[#lanes + 1] = not pause_ends(now, 'all', 'lane:' .. lane, pool) and lane or nil
end

-- Whose turn it is in the first lane that has work: a look may have called somebody into a lane that had none.
local function next_of_all()
  for _, lane in ipairs(lanes) do
    local name = next_queue(lane)
    if name then
      return name
    end
  end
end

for _ = 1, MOST_LOOKS do
  local name = next_of_all()
  if not name then
    return { beside(now) }
  end
  local leased = look(name)
  if leased then
    leased[#leased + 1], leased[#leased + 2] = more(), beside(now)
    return leased
  end
end
return { '' }
