-- courtesy: who may be in hand beside those who are, and what an attempt teaches about an account (`brk`).
-- ARGV[2] is the operator's Courtesy (contracts/courtesy.py).

local HOUR = 3600000
local courtesy = cmsgpack.unpack(ARGV[2])

-- Connections, and messages a minute (0 for as many as it takes), of one account.
local function preset(job)
  return unpack(courtesy.presets[job.dclass] or { courtesy.account, 0 })
end

local function pace(job)
  local _, per_minute = preset(job)
  return per_minute > 0 and { interval = 60000 / per_minute, burst = math.ceil(per_minute / 10), name = key('rate', 'd', job.dp) } or nil
end

-- How many may sit at a table: fewer at the account's while its server finds that too much, one to see whether it works again.
local function most(kind, job, breaker)
  if kind ~= 'd' then
    return kind == 't' and courtesy.tenant or courtesy.host
  end
  local connections = preset(job)
  return breaker.trial and 1 or math.min(connections, math.floor(tonumber(breaker.cap or connections)))
end

local function has_room(seat, job, breaker, now)
  return redis.call('ZCOUNT', key('sem', seat[1], seat[2]), now, '+inf') < most(seat[1], job, breaker)
end

local function breaker_of(job)
  return job.dp and hash(key('brk', job.dp)) or {}
end

local function pause_ends(now, ...)
  local ends = now
  for _, scope in ipairs({ ... }) do
    ends = math.max(ends, redis.call('PEXPIRETIME', key('pause', scope)))
  end
  return ends > now and ends or nil
end

-- post: the job waits no more; how long it did is counted when it is in hand for the first time.
local function start(id, job, now)
  redis.call('ZREM', key('waiting', job.lane), id)
  if job.tok == '0' then
    observe('wait', now, math.max(0, now - job.accepted))
  end
end

-- What keeps a job from being in hand now: the table that is full, or the moment before which it may not. gives: nil | seat | nil, moment
local function hindrance(job, breaker, now)
  local AGAIN = 5000  -- a pause may be over before its end
  local pause = pause_ends(now, 'tenant:' .. job.tp, 'destination:' .. (job.dclass or ''))
  if pause then
    return nil, math.min(pause, now + AGAIN)
  elseif tonumber(breaker.rest or 0) > now then
    return nil, tonumber(breaker.rest)
  end
  local full
  for _, seat in ipairs(seats(job)) do
    full = not has_room(seat, job, breaker, now) and seat or full
  end
  if full then
    return full
  end
  local rate = job.dp and pace(job)
  if rate then
    local may, from = allowance(rate.name, now, rate.interval, rate.burst)
    return nil, may < 1 and from - (rate.burst - 1) * rate.interval or nil
  end
end

-- Whoever waits for a seat that is free stands in the ring again; asked after each look, so that none stays free while somebody waits.
local function let_follow(job, breaker, now)
  for _, seat in ipairs(seats(job)) do
    local waiting = redis.call('EXISTS', key('wait', seat[1], seat[2], LANES[1]), key('wait', seat[1], seat[2], LANES[2]))
    if waiting > 0 and has_room(seat, job, breaker, now) then
      call_next(seat[1], seat[2])
    end
  end
end

-- A longer lease for who holds the job. Whose had ended comes back to a seat that counted as free: who waited for one may still follow.
local function hold_on(id, job, until_ms, now)
  hold(id, job, until_ms)
  if tonumber(job.lease) < now then
    let_follow(job, breaker_of(job), now)
  end
end

-- How many messages the job may become now. More than it has recipients, where their number a minute is not limited: one may take two.
local function grant(job, now)
  local UNLIMITED = 1000000
  local rate = job.dp and pace(job)
  if not rate then
    return UNLIMITED
  end
  local _, pending = job.fates:gsub('p', '')
  local messages = math.ceil(pending / tonumber(job.each or pending))
  local may, from = allowance(rate.name, now, rate.interval, rate.burst)
  local granted = math.min(messages, may)
  charge(rate.name, from, rate.interval, granted)
  return granted
end

local function rests(breaker, why, now, ms)
  breaker.rest, breaker.trial = math.max(tonumber(breaker.rest or 0), now + ms), '1'
  breaker.cls, breaker.code, breaker.esc, breaker.phase = why.cls, why.code, why.esc, why.phase
end

local function add(breaker, name)
  breaker[name] = tonumber(breaker[name] or 0) + 1
  return breaker[name]
end

local function fault(breaker, why, now)
  if add(breaker, 'faults') >= courtesy.faults and tonumber(breaker.rest or 0) <= now then
    local doubled = courtesy.rest_ms * 2 ^ math.min(add(breaker, 'rested') - 1, 20)
    rests(breaker, why, now, math.min(doubled, courtesy.longest_rest_ms))
  end
end

local function refusal(breaker, why, now)
  local locked = add(breaker, 'refused') >= courtesy.refusals
  rests(breaker, why, now, locked and courtesy.lock_ms or courtesy.refusal_ms)
  breaker.locked = locked and breaker.rest or nil
end

-- An attempt was `good`; or the server was `crowded`, or `down`, or has `denied` the account; nil where it teaches nothing.
-- gives: whether fewer of the account's may be in hand from now on.
local function learn(job, contact, why, now)
  local name, breaker = job.dp and key('brk', job.dp), breaker_of(job)
  if not job.dp or not contact or (contact == 'good' and not next(breaker)) then
    return false
  end
  local connections = preset(job)
  local cap = math.min(tonumber(breaker.cap or connections), connections)
  local after = contact == 'good' and math.min(connections, cap + 1 / cap) or contact == 'denied' and cap or math.max(1, cap - 1)
  if contact == 'good' then
    breaker = {}
  elseif contact == 'down' then
    fault(breaker, why, now)
  elseif contact == 'denied' then
    refusal(breaker, why, now)
  end
  breaker.cap = after < connections and after or nil
  redis.call('DEL', name)
  for field, value in pairs(breaker) do
    redis.call('HSET', name, field, value)
  end
  redis.call('PEXPIREAT', name, math.max(now, tonumber(breaker.rest or 0)) + HOUR)
  redis.call('ZREMRANGEBYSCORE', key('resting'), '-inf', now)
  if tonumber(breaker.rest or 0) > now then
    redis.call('ZADD', key('resting'), breaker.rest, job.dp)
  else
    redis.call('ZREM', key('resting'), job.dp)
  end
  return math.floor(after) < math.floor(cap)
end
