-- told: what came of a try to tell a final status.
-- pre:  none: another worker may have told it meanwhile, and a late answer may have ended the job anew.
-- post: it is due again after the delay; or it is over, and the sealed callback is gone, unless a late answer may still come.
--       Nothing of that when the job has ended anew: that end is due by itself. In any case the next of the tenant may follow.
-- ARGV: {id, tp, ended} or {id, tp, ended, delay}
local said = cmsgpack.unpack(ARGV[1])
local now = clock()
local state, ended = unpack(redis.call('HMGET', key('job', said.id), 'st', 'upd'))
local is_news = tonumber(ended or 0) ~= said.ended
if said.delay and not is_news then
  redis.call('ZADD', key('tell'), 'XX', now + said.delay, said.id)
elseif not is_news then
  redis.call('ZREM', key('tell'), said.id)
  if state ~= 'unknown' then
    redis.call('DEL', key('cb', said.id))
  end
end
let_follow(said.id, said.tp, now)
