-- claim: the next runnable job, tenants taking turns, leased to whoever asks.
-- pre:  none.
-- post: nothing was runnable; or one job is `sending` under a new token, and its lease is what happens next.
-- ARGV: lease, then the lanes, the first one first
-- gives: {} | {id, token, attempt, now, sealed, tp, deadline, accepted, fates}
local now = clock()

local function lease(id, job, sealed)
  local until_ms = now + tonumber(ARGV[1])
  local token = redis.call('HINCRBY', key('job', id), 'tok', 1)
  local attempt = redis.call('HINCRBY', key('job', id), 'att', 1)
  redis.call('HSET', key('job', id), 'st', 'sending', 'lease', until_ms, 'upd', now)
  redis.call('ZADD', key('sched'), until_ms, id)
  return { id, token, attempt, now, sealed, job.tp, job.deadline, job.accepted, job.fates }
end

local function next_of(ring)
  local tenant = redis.call('LMOVE', ring, ring, 'LEFT', 'RIGHT')
  local id = tenant and redis.call('LPOP', ring .. ':' .. tenant)
  if tenant and redis.call('LLEN', ring .. ':' .. tenant) == 0 then
    redis.call('RPOP', ring)
  end
  return id
end

for i = 2, #ARGV do
  local ring = key('run', ARGV[i])
  local id = next_of(ring)
  while id do
    local job = read(id)
    if job.st == 'queued' then
      local sealed = redis.call('GET', key('pay', id))
      if sealed then
        return lease(id, job, sealed)
      end
      expire(id, job, now)
    end
    id = next_of(ring)
  end
end
return {}
