-- debug_open: a tenant's debug session, until it ends by itself.
-- pre:  none.
-- post: the tenant has one, and no entry yet, since those of an earlier one died with it; or nothing changed.
-- ARGV: {tp ends most} session    gives: 'new' | 'open' | 'full'
local said, session = cmsgpack.unpack(ARGV[1]), ARGV[2]
local now = clock()
local all = key('debugging')
redis.call('ZREMRANGEBYSCORE', all, '-inf', now)
if redis.call('EXISTS', key('debug', said.tp)) == 1 then
  return 'open'
elseif redis.call('ZCARD', all) >= said.most then
  return 'full'
end
redis.call('SET', key('debug', said.tp), session, 'PXAT', said.ends)
redis.call('ZADD', all, said.ends, said.tp)
redis.call('PEXPIREAT', all, redis.call('ZRANGE', all, -1, -1, 'WITHSCORES')[2])
return 'new'
