-- prelude: what every transition shares. PREFIX, STATUS_TTL and CELLS_KEPT (milliseconds) are set by ledger.py above this line.

local FINAL = { sent = true, partial = true, failed = true, expired = true, canceled = true, unknown = true }

local function key(...)
  return PREFIX .. table.concat({ ... }, ':')
end

-- The only clock: milliseconds of Redis' own time.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function count(job, state, now, by)
  local cell = key('met', string.format('%d', math.floor(now / 3600000)))
  local name = table.concat({ state, job.cls or '', job.phase or '', job.dclass or '', job.lane or '' }, '|')
  redis.call('HINCRBY', cell, name, by)
  redis.call('PEXPIRE', cell, CELLS_KEPT)
end

-- post: the payload is gone, the record is final and will be forgotten, one cell has one more.
local function close(id, job, state, now)
  redis.call('DEL', key('pay', id))
  redis.call('ZREM', key('sched'), id)
  redis.call('HSET', key('job', id), 'st', state, 'upd', now)
  redis.call('HDEL', key('job', id), 'lease')
  redis.call('PEXPIREAT', key('job', id), now + STATUS_TTL)
  count(job, state, now, 1)
  return state
end

-- post: the job is queued, its tenant stands in the lane's ring once, and its deadline is what happens next.
local function queue(id, job, now)
  local ring = key('run', job.lane)
  if redis.call('RPUSH', ring .. ':' .. job.tp, id) == 1 then
    redis.call('RPUSH', ring, job.tp)
  end
  redis.call('HSET', key('job', id), 'st', 'queued', 'upd', now)
  redis.call('HDEL', key('job', id), 'lease')
  redis.call('ZADD', key('sched'), job.deadline, id)
end

local function read(id)
  local flat, job = redis.call('HGETALL', key('job', id)), {}
  for i = 1, #flat, 2 do
    job[flat[i]] = flat[i + 1]
  end
  return job
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

-- The job's time is over. Who may have the mail, since a dot was written without an answer (`dot`), is unconfirmed and not expired.
local function expire(id, job, now)
  job.fates = job.fates:gsub(job.dot and '[pf]' or 'f', 'u')
  job.cls = job.cls or 'payload_expired'
  write(id, job, { 'fates', 'cls' })
  return close(id, job, job.fates:find('u') and 'unknown' or job.fates:find('a') and 'partial' or 'expired', now)
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
