-- accept: a new job, or the one that this Idempotency-Key already made.
-- pre:  the id is fresh; the deadline was reckoned by a clock that may be wrong.
-- post: nothing changed, or payload, record, idempotency entry, schedule and queue all exist, and the tenant has one open job more.
-- ARGV: {id key deadline ttl fingerprint idem_ttl callback_ttl record wait} quota sealed callback
-- gives: {'new', bell needed, posts left, seconds until all} | {'replay', id} | {'other'} | {'clock', now} | {'often' | 'full', seconds}
local FULL_AGAIN = 10
local said, quota, sealed, callback = cmsgpack.unpack(ARGV[1]), cmsgpack.unpack(ARGV[2]), ARGV[3], ARGV[4]
local job, idempotency = said.record, key('idem', said.record.tp, said.key)
local now = clock()

local known = redis.call('GET', idempotency)
if known then
  if known:sub(27) ~= said.fingerprint then
    return { 'other' }
  end
  if said.wait then
    redis.call('SET', key('replayed'), now)  -- WAIT waits for writes of its own connection, and for all before them
  end
  return { 'replay', known:sub(1, 26) }
end
if math.abs(said.deadline - now - said.ttl) > 1000 then
  return { 'clock', now }
end

local rate, interval = key('rate', 't', job.tp), 60000 / quota.per_minute
local may, from = allowance(rate, now, interval, quota.burst)
if may < 1 then
  return { 'often', math.ceil((from - now - (quota.burst - 1) * interval) / 1000) }
end
local jobs, bytes = unpack(redis.call('HMGET', key('open', job.tp), 'jobs', 'bytes'))
if tonumber(jobs or 0) >= quota.open_jobs or tonumber(bytes or 0) + #sealed > quota.open_bytes then
  return { 'full', FULL_AGAIN }
end
charge(rate, from, interval, 1)
local is_first = redis.call('HINCRBY', key('open', job.tp), 'jobs', 1) == 1
redis.call('HINCRBY', key('open', job.tp), 'bytes', #sealed)
redis.call('PEXPIREAT', key('open', job.tp), said.deadline + STATUS_TTL, is_first and 'NX' or 'GT')  -- with the last of its records
redis.call('HINCRBY', key('met', 'open'), 'bytes', #sealed)
add_to('accepted|' .. job.lane, now, 1)

redis.call('SET', key('pay', said.id), sealed, 'PXAT', said.deadline)
if callback ~= '' then
  redis.call('SET', key('cb', said.id), callback, 'PXAT', said.deadline + said.callback_ttl)
  job.cb = '1'
end
job.deadline, job.accepted, job.att, job.tok, job.bytes = said.deadline, now, 0, 0, #sealed
for name, value in pairs(job) do
  redis.call('HSET', key('job', said.id), name, value)
end
redis.call('PEXPIREAT', key('job', said.id), said.deadline + STATUS_TTL)
redis.call('SET', idempotency, said.id .. said.fingerprint, 'PXAT', math.max(said.deadline, now + said.idem_ttl))
local first = queue(said.id, job, now)
local bell_needed = first and redis.call('LLEN', PREFIX .. 'bell.' .. job.lane) == 0
return { 'new', bell_needed and 1 or 0, may - 1, math.ceil((from + interval - now) / 1000) }
