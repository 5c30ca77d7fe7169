-- day: the random octets that today's daily pseudonyms are made with (UTC).
-- pre:  -
-- post: they are there, and gone when tomorrow is over.
-- ARGV: {} fresh
-- gives: {day, octets}
local DAY = 86400000
local today = string.format('%d', math.floor(clock() / DAY))
redis.call('SET', key('day', today), ARGV[2], 'NX', 'PXAT', (today + 2) * DAY)
return { today, redis.call('GET', key('day', today)) }
