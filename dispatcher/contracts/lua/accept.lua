-- accept: a new job, or the one that this Idempotency-Key already made.
-- pre:  the id is fresh; the deadline was reckoned by a clock that may be wrong.
-- post: nothing changed, or payload, record, idempotency entry, schedule and run list all exist.
-- KEYS: pay job idem bell    ARGV: id sealed deadline ttl fingerprint idem_ttl, then name, value ... of the record
-- gives: {'new', bell needed} | {'replay', id} | {'other'} | {'clock', now}
local now = clock()
local known = redis.call('GET', KEYS[3])
if known then
  if known:sub(27) ~= ARGV[5] then
    return { 'other' }
  end
  return { 'replay', known:sub(1, 26) }
end
local id, deadline, ttl = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
if math.abs(deadline - now - ttl) > 1000 then
  return { 'clock', now }
end
redis.call('SET', KEYS[1], ARGV[2], 'PXAT', deadline)
redis.call('HSET', KEYS[2], 'st', 'queued', 'deadline', deadline, 'accepted', now, 'att', 0, 'tok', 0, unpack(ARGV, 7))
redis.call('PEXPIREAT', KEYS[2], deadline + STATUS_TTL)
redis.call('SET', KEYS[3], id .. ARGV[5], 'PXAT', math.max(deadline, now + tonumber(ARGV[6])))
queue(id, read(id), now)
return { 'new', redis.call('LLEN', KEYS[4]) == 0 and 1 or 0 }
