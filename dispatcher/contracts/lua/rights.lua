-- rights: which of these commands whoever runs this may give. None is given, and Redis' own log of refusals gets no line.
-- pre:  none.  post: nothing changed.
-- ARGV: {{word...}...}    gives: a 1 or 0 for each; 0 for a command that the server does not know, as one that was renamed
local may = {}
for i, words in ipairs(cmsgpack.unpack(ARGV[1])) do
  local known, allowed = pcall(redis.acl_check_cmd, unpack(words))
  may[i] = known and allowed and 1 or 0
end
return may
