-- Keep a registered endpoint, in place of the one of that name.
--
-- ARGV[1]    its name
-- ARGV[2]    what it is, JSON
-- ARGV[3]    so many names at most
--
-- Returns 1; 0: there are so many, and this is none of them.

local hooks = KEYS[1] .. ':hooks'
local kept = #redis.call('HGETALL', hooks) / 2
if kept >= tonumber(ARGV[3]) and redis.call('HEXISTS', hooks, ARGV[1]) == 0 then
  return 0
end
redis.call('HSET', hooks, ARGV[1], ARGV[2])
return 1
