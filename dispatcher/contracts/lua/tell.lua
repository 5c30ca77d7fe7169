-- tell: the next final status that is to be told, for whoever takes it first.
-- pre:  none.
-- post: nothing was due; or one has a try more in its record, and is due again when its lease ends.
--       What was looked at before it and can no longer be told is forgotten; if its tenant has no turn left, it stands in line.
-- ARGV: {lease, tries, kept}    gives: {} | {''} when there is more to look at | {id, attempt, now, sealed, receipts, field, value, ...}
local LOOKS = 100
local said = cmsgpack.unpack(ARGV[1])
local now = clock()

-- How often this end of the job was tried to be told.
local function tries(job)
  local ended, number = (job.told or ''):match('^(%d+) (%d+)$')
  return ended == job.upd and tonumber(number) or 0
end

local function sealed_for(id, job)
  if not FINAL[job.st] or tries(job) >= said.tries then
    return false
  end
  redis.call('PEXPIREAT', key('cb', id), tonumber(job.upd) + said.kept, 'LT')
  return redis.call('GET', key('cb', id))
end

local function lease(id, job)
  local attempt = tries(job) + 1
  redis.call('HSET', key('job', id), 'told', string.format('%s %d', job.upd, attempt))
  redis.call('ZADD', key('tell'), now + said.lease, id)
  take_turn(id, job.tp, said.lease, now)
  return attempt
end

local function forget(id, job)
  redis.call('ZREM', key('tell'), id)
  redis.call('DEL', key('cb', id))
  let_follow(id, job.tp or '', now)
end

local function look(id)
  local job = read(id)
  local sealed = sealed_for(id, job)
  if not sealed then
    return forget(id, job)
  elseif crowded(job.tp, now) then
    return stand_in_line(id, job.tp, said.kept)
  end
  local found = { id, lease(id, job), now, sealed, redis.call('GET', key('rcp', id)) or '' }
  for name, value in pairs(job) do
    found[#found + 1], found[#found + 2] = name, value
  end
  return found
end

local due = redis.call('ZRANGEBYSCORE', key('tell'), '-inf', now, 'LIMIT', 0, LOOKS)
for _, id in ipairs(due) do
  local found = look(id)
  if found then
    return found
  end
end
return #due < LOOKS and {} or { '' }
