-- Which endpoints have a delivery that is due; and in how many ms the next one of another will be, or -1.
--
-- ARGV[1]    so many endpoints at most

local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local due = redis.call('ZRANGE', KEYS[1] .. ':due', '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])
local later = redis.call('ZRANGE', KEYS[1] .. ':due', '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
return {due, later[2] and later[2] - now or -1}
