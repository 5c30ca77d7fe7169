-- tellings: of a tenant's callbacks only so many are being told at once; the others stand in line, so that they keep nobody else waiting.
--
-- While somebody stands in line, one of the tenant's ids is in `tell`: whoever leaves it, or gives up the turn, lets the next one follow.
local TURNS = 4

local function crowded(tp, now)
  redis.call('ZREMRANGEBYSCORE', key('telling', tp), '-inf', now)
  return redis.call('ZCARD', key('telling', tp)) >= TURNS
end

local function take_turn(id, tp, lease, now)
  redis.call('ZADD', key('telling', tp), now + lease, id)
  redis.call('PEXPIRE', key('telling', tp), lease)
end

local function stand_in_line(id, tp, kept)
  redis.call('ZREM', key('tell'), id)
  redis.call('RPUSH', key('untold', tp), id)
  redis.call('PEXPIRE', key('untold', tp), kept)
end

local function let_follow(id, tp, now)
  redis.call('ZREM', key('telling', tp), id)
  local following = redis.call('LPOP', key('untold', tp))
  if following then
    redis.call('ZADD', key('tell'), now, following)
  end
end
