-- daily: whose the daily pseudonyms are that somebody was shown.
-- pre:  they are of this day.
-- post: each has its tenant, until the day after is over.
-- ARGV: {day of}
local DAY = 86400000
local said = cmsgpack.unpack(ARGV[1])
local names = key('daily', said.day)
for daily, tenant in pairs(said.of) do
  redis.call('HSET', names, daily, tenant)
end
redis.call('PEXPIREAT', names, (said.day + 2) * DAY)
