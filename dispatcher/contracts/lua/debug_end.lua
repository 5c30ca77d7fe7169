-- debug_end: a debug session ends before its time.
-- pre:  none.
-- post: neither it nor what was noted in it is left.
-- ARGV: {tp id}    gives: 1, or 0 when it had ended
local said = cmsgpack.unpack(ARGV[1])
local session = redis.call('GET', key('debug', said.tp))
if not session or session:sub(3, 28) ~= said.id then  -- as it is packed: an array of four, whose first is the id
  return 0
end
redis.call('DEL', key('debug', said.tp), key('dbg', said.tp))
redis.call('ZREM', key('debugging'), said.tp)
return 1
