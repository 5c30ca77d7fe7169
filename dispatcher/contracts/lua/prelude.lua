-- prelude: what every script shares. Above this line the program sets PREFIX, and in milliseconds STATUS_TTL, MINUTES_KEPT, CELLS_KEPT
-- and BOUNDS.

local FINAL = { sent = true, partial = true, failed = true, expired = true, canceled = true, unknown = true }

local function key(...)
  return PREFIX .. table.concat({ ... }, ':')
end

-- The only clock: milliseconds of Redis' own time.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function hash(name)
  local flat, found = redis.call('HGETALL', name), {}
  for i = 1, #flat, 2 do
    found[flat[i]] = flat[i + 1]
  end
  return found
end

local function read(id)
  return hash(key('job', id))
end

local function write(id, job, names)
  for _, name in ipairs(names) do
    if job[name] and job[name] ~= '' then
      redis.call('HSET', key('job', id), name, job[name])
    else
      redis.call('HDEL', key('job', id), name)
    end
  end
end

-- The final state that a string of fates (a, r, u; p for never decided) stands for.
local function verdict(fates)
  if fates:find('u') then
    return 'unknown'
  elseif not fates:find('[^a]') then
    return 'sent'
  elseif fates:find('a') then
    return 'partial'
  end
  return 'failed'
end

-- `changes` has one letter for each recipient, or '-' where nothing is said.
local function merge(fates, changes)
  local merged = {}
  for i = 1, #fates do
    local letter = changes:sub(i, i)
    merged[i] = (letter == '-' or letter == '') and fates:sub(i, i) or letter
  end
  return table.concat(merged)
end

-- So many more of what is named (contracts/counts.py), in this minute, this hour and ever. A counter never falls, so what is taken back is
-- taken back in minute and hour alone.
local function add_to(name, now, by)
  local minute, hour = key('met', 'm', math.floor(now / 60000)), key('met', 'h', math.floor(now / 3600000))
  if redis.call('HINCRBY', minute, name, by) == by then
    redis.call('PEXPIRE', minute, MINUTES_KEPT)
  end
  if redis.call('HINCRBY', hour, name, by) == by then
    redis.call('PEXPIRE', hour, CELLS_KEPT)
  end
  if by > 0 then
    redis.call('HINCRBY', key('met', 'total'), name, by)
  end
end

-- One more of the durations that `kind` stands for.
local function observe(kind, now, ms)
  local bucket = 1
  while BOUNDS[bucket] and ms > BOUNDS[bucket] do
    bucket = bucket + 1
  end
  add_to(kind .. '|' .. bucket, now, 1)
  if ms > 0 then
    add_to(kind .. '|ms', now, ms)
  end
end

local function count(job, state, now, by)
  local cell = key('met', string.format('%d', math.floor(now / 3600000)))
  local name = table.concat({ state, job.cls or '', job.phase or '', job.dclass or '', job.lane or '' }, '|')
  redis.call('HINCRBY', cell, name, by)
  redis.call('PEXPIRE', cell, CELLS_KEPT)
  add_to('ended|' .. (job.lane or '') .. '|' .. state, now, by)
  if job.cls then
    add_to('failed|' .. job.cls, now, by)
  end
end

-- The generic cell rate algorithm (ITU-T I.371): how many may come now, and the moment from which the next are reckoned.
local function allowance(name, now, interval, burst)
  local from = math.max(now, tonumber(redis.call('GET', name) or 0))
  return math.floor((now + burst * interval - from) / interval), from
end

local function charge(name, from, interval, number)
  local upto = from + number * interval
  redis.call('SET', name, upto, 'PXAT', math.ceil(upto))
end
