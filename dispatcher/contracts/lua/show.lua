-- show: a worker process is alive.
-- pre:  none.
-- post: its line says what it said last, and is gone when it says no more for so long.
-- ARGV: {worker facts kept}    facts: a list of names and values
local said = cmsgpack.unpack(ARGV[1])
local pool = key('pool', said.worker)
redis.call('HSET', pool, unpack(said.facts))
redis.call('PEXPIRE', pool, said.kept)
redis.call('SADD', key('pools'), said.worker)
