-- hold: a name is kept by who comes first.
-- pre:  none.
-- post: it has a value: ours, or the one that it had before.
-- ARGV: {name value kept}    kept: 0 for ever, else milliseconds    gives: 1 where it is ours
local said = cmsgpack.unpack(ARGV[1])
local ends = said.kept > 0 and { 'PX', said.kept } or {}
return redis.call('SET', key(said.name), said.value, 'NX', unpack(ends)) and 1 or 0
