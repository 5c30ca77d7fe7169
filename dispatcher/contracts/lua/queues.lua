-- queues: where jobs wait, who is in hand, and how a job ends.
--
-- A queue is the jobs of one lane, tenant and destination, first in first out; its name is these three. While it is not empty it stands in
-- one place: in the ring of its tenant, who then stands in the ring of the lane; in its lane's line for a seat (`wait`); or in `park`,
-- until a moment.
-- Whoever is in hand has a seat at the tenant's table (t), the account's (d) and the host's (h), as long as its lease.

local LANES = { 'interactive', 'bulk' }
local AGAIN_AFTER = 60000  -- an answer that was lost may still come
local LEFT_OUT = '\0\0\0\0'  -- a receipt of no length

-- Whoever is open and in nobody's hand waits, since it was accepted.
local function wait(id, job)
  redis.call('ZADD', key('waiting', job.lane), job.accepted, id)
end

-- post: the job is none of those that wait for a moment of their own.
local function recall(id, job)
  if job.st == 'deferred' then
    redis.call('ZREM', key('deferred', job.lane), id)
  end
end

local function list_of(queue)
  return key('run', (queue:gsub(' ', ':')))
end

-- gives: whether the lane's ring was empty before.
local function enter(queue)
  local lane, tenant, destination = queue:match('^(%S+) (%S+) (%S+)$')
  local ring = key('run', lane)
  if redis.call('RPUSH', ring .. ':' .. tenant, destination) > 1 then
    return false
  end
  return redis.call('RPUSH', ring, tenant) == 1
end

-- The queue whose turn it is, which now stands last in its rings.
local function next_queue(lane)
  local ring = key('run', lane)
  local tenant = redis.call('LMOVE', ring, ring, 'LEFT', 'RIGHT')
  return tenant and table.concat({ lane, tenant, redis.call('LMOVE', ring .. ':' .. tenant, ring .. ':' .. tenant, 'LEFT', 'RIGHT') }, ' ')
end

-- pre: the queue has just had its turn.
local function drop(name)
  local lane, tenant = name:match('^(%S+) (%S+)')
  local ring = key('run', lane)
  redis.call('RPOP', ring .. ':' .. tenant)
  if redis.call('EXISTS', ring .. ':' .. tenant) == 0 then
    redis.call('RPOP', ring)
  end
end

local function take(name)
  redis.call('LPOP', list_of(name))
  redis.call('HDEL', key('called'), name)
  if redis.call('EXISTS', list_of(name)) == 0 then
    drop(name)
  end
end

-- Who was called to a seat and finds it taken has its old place in the line, who comes anew the last one, also within a millisecond.
local function step_aside(name, seat, moment, now)
  local kind, since = (redis.call('HGET', key('called'), name) or ''):match('^(%S+) (%S+)$')
  redis.call('HDEL', key('called'), name)
  drop(name)
  if seat then
    local line = key('wait', seat[1], seat[2], name:match('^%S+'))
    local last = redis.call('ZRANGE', line, -1, -1, 'WITHSCORES')[2]
    redis.call('ZADD', line, kind == seat[1] and since or math.max(now, (tonumber(last) or 0) + 1 / 1024), name)
  else
    redis.call('ZADD', key('park'), moment, name)
  end
end

-- post: the job is queued, and its deadline is what happens next. gives: as `enter`, and false when its queue was not empty.
local function queue(id, job, now, front)
  local name = table.concat({ job.lane, job.tp, job.dp or '-' }, ' ')
  redis.call('HSET', key('job', id), 'st', 'queued', 'upd', now)
  redis.call('HDEL', key('job', id), 'lease')
  redis.call('ZADD', key('sched'), job.deadline, id)
  recall(id, job)
  wait(id, job)
  return redis.call(front and 'LPUSH' or 'RPUSH', list_of(name), id) == 1 and enter(name)
end

-- gives: 1 or 2 while something may be runnable.
local function more()
  return redis.call('EXISTS', key('run', LANES[1]), key('run', LANES[2]))
end

-- gives: 1 while a question waits, or an end that is to be told.
local function beside(now)
  local due = redis.call('ZRANGEBYSCORE', key('tell'), '-inf', now, 'LIMIT', 0, 1)
  return (due[1] or redis.call('EXISTS', key('ask')) == 1) and 1 or 0
end

-- The widest table first: a seat is offered to those who share it before who just left comes back for it.
-- A job that is sealed end to end has no destination before it was opened once, and sits at its tenant's table only.
local function seats(job)
  return job.dp and { { 'h', job.hp }, { 'd', job.dp }, { 't', job.tp } } or { { 't', job.tp } }
end

-- The first in line stands in the ring again: one of each lane, since nobody may look into the other's ring for long.
local function call_next(kind, name)
  for _, lane in ipairs(LANES) do
    local called, since = unpack(redis.call('ZPOPMIN', key('wait', kind, name, lane)))
    if called then
      redis.call('HSET', key('called'), called, kind .. ' ' .. since)
      enter(called)
    end
  end
end

-- post: the lease ends then, at every table too, and its end is what happens next.
local function hold(id, job, until_ms)
  redis.call('HSET', key('job', id), 'lease', until_ms)
  redis.call('ZADD', key('sched'), until_ms, id)
  for _, seat in ipairs(seats(job)) do
    redis.call('ZADD', key('sem', seat[1], seat[2]), until_ms, id)
  end
end

-- post: the job has no seat, and whoever was next in line for one of them stands in the ring.
local function leave(id, job)
  for _, seat in ipairs(seats(job)) do
    if redis.call('ZREM', key('sem', seat[1], seat[2]), id) == 1 then
      call_next(seat[1], seat[2])
    end
  end
end

-- What the submitter alone can read of a message lives as long as the record. Of what is more than a job's receipts may take, or a
-- tenant's in as long as records live, only that it was left out.
local function keep_receipt(id, job, sealed, said, now)
  local kept, rate, interval = key('rcp', id), key('rate', 'r', job.tp), STATUS_TTL / said.tenant_bytes
  local size = redis.call('STRLEN', kept)
  local may, from = allowance(rate, now, interval, said.tenant_bytes)
  if size + #sealed <= said.job_bytes and #sealed <= may then
    charge(rate, from, interval, #sealed)
    redis.call('APPEND', kept, sealed)
  elseif size == 0 or redis.call('GETRANGE', kept, -4, -1) ~= LEFT_OUT then
    redis.call('APPEND', kept, LEFT_OUT)
  end
  redis.call('PEXPIREAT', kept, redis.call('PEXPIRETIME', key('job', id)))
end

-- What became of a message is the job's, in its record and, sealed, beside it.
local function note(id, job, said, receipt, now)
  job.fates = merge(job.fates, said.changes)
  job.why = said.why ~= '' and ((job.why and job.why .. ',' or '') .. said.why) or job.why
  job.warn = said.warn ~= '' and said.warn or job.warn
  if receipt ~= '' then
    keep_receipt(id, job, receipt, said.receipt, now)
  end
end

-- post: the job waits until a moment, at the latest until its deadline.
local function put_off(id, job, now, moment)
  redis.call('HSET', key('job', id), 'st', 'deferred', 'upd', now)
  redis.call('HDEL', key('job', id), 'lease')
  local due = math.min(moment, tonumber(job.deadline))
  redis.call('ZADD', key('sched'), due, id)
  redis.call('ZADD', key('deferred', job.lane), due, id)
  wait(id, job)
  if job.cls then
    add_to('again|' .. job.cls, now, 1)
  end
end

-- A message is over for now: how long it was in hand, and the reply that decided it; what answers the final dot is counted under `dot`.
local function attempted(job, said, now)
  observe('send', now, math.max(0, now - tonumber(job.hand or now)))
  local reply = said.reply or said.changes:find('a') and { phase = 'dot', code = '250' } or {}
  if reply.phase and reply.code then
    local phase, subject = reply.phase == 'reply' and 'dot' or reply.phase, (reply.esc or ''):match('^%d%.([0-7])%.') or '0'
    add_to(table.concat({ 'reply', phase, reply.code:sub(1, 1), subject }, '|'), now, 1)
  end
end

-- The tenant has one open job less.
local function release(job)
  redis.call('HINCRBY', key('met', 'open'), 'bytes', -(tonumber(job.bytes) or 0))
  local open = key('open', job.tp)
  if redis.call('HINCRBY', open, 'jobs', -1) <= 0 then
    redis.call('DEL', open)
  else
    redis.call('HINCRBY', open, 'bytes', -(tonumber(job.bytes) or 0))
  end
end

-- post: the payload is gone, the record is final and will be forgotten, one cell has one more, and a callback is due if one was asked for.
--       A second end, by a late answer, is later than the first: who is told of ends knows them by their moments.
local function close(id, job, state, now)
  local ended = now
  if FINAL[job.st] then
    ended = math.max(now, job.upd + 1)
  else
    leave(id, job)
    release(job)
    redis.call('ZREM', key('waiting', job.lane), id)
    recall(id, job)
    observe('total', now, math.max(0, now - job.accepted))
  end
  redis.call('DEL', key('pay', id))
  redis.call('ZREM', key('sched'), id)
  redis.call('HSET', key('job', id), 'st', state, 'upd', ended)
  redis.call('HDEL', key('job', id), 'lease')
  redis.call('PEXPIREAT', key('job', id), now + STATUS_TTL)
  redis.call('PEXPIREAT', key('rcp', id), now + STATUS_TTL)
  if job.cb then
    redis.call('ZADD', key('tell'), now, id)
  end
  count(job, state, now, 1)
  return state
end

-- Who may have the mail is pending again, where the submitter wants it twice rather than not at all. gives: whether anybody is.
local function dare(job)
  if job.on_unknown ~= 'retry' or not job.fates:find('u') then
    return false
  end
  job.fates, job.dot = job.fates:gsub('u', 'p'), '1'
  return true
end

-- The job's time is over. Who may have the mail, since a dot was written without an answer (`dot`), is unconfirmed and not expired.
-- A job that was never tried tells why: its account's server was left alone.
local function expire(id, job, now)
  job.fates = job.fates:gsub(job.dot and '[pf]' or 'f', 'u')
  if not job.cls and job.dp then
    job.cls, job.phase = unpack(redis.call('HMGET', key('brk', job.dp), 'cls', 'phase'))
  end
  job.cls = job.cls or 'payload_expired'
  write(id, job, { 'fates', 'cls', 'phase' })
  return close(id, job, job.fates:find('u') and 'unknown' or job.fates:find('a') and 'partial' or 'expired', now)
end

-- No further attempt is made; `why` has the failure's class, and may have code, esc and phase.
local function give_up(id, job, why, now)
  job.fates, job.perm = job.fates:gsub('[pf]', job.dot and 'u' or 'r'), '1'
  job.cls, job.code, job.esc, job.phase = why.cls, why.code, why.esc, why.phase
  write(id, job, { 'fates', 'cls', 'code', 'esc', 'phase', 'perm' })
  return close(id, job, verdict(job.fates), now)
end
