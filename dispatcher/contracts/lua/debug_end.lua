-- debug_end: a debug session ends before its time.
-- pre:  none.
-- post: neither it nor what was noted in it is left.
-- ARGV: {tp id}    gives: 1, or 0 when it had ended
local said = cmsgpack.unpack(ARGV[1])
local session = redis.call('GET', key('debug', said.tp))
if not session or not session:find(said.id, 1, true) then
  return 0
end
redis.call('DEL', key('debug', said.tp), key('dbg', said.tp))
redis.call('ZREM', key('debugging'), said.tp)
return 1
