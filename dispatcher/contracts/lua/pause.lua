-- pause: something is stopped for a time.
-- pre:  none.
-- post: it lasts until its time is over, or until it is ended; another of the same scope is replaced.
-- ARGV: {scope until longest}, the pause as it is read
local said = cmsgpack.unpack(ARGV[1])
redis.call('SET', key('pause', said.scope), ARGV[2], 'PXAT', said['until'])
redis.call('SADD', key('pauses'), said.scope)
redis.call('PEXPIRE', key('pauses'), said.longest)
