-- Remove a registered endpoint.
--
-- ARGV[1]    its name
--
-- Returns what it was, JSON; nil: there was none of that name.

local hooks = KEYS[1] .. ':hooks'
local found = redis.call('HGET', hooks, ARGV[1])
redis.call('HDEL', hooks, ARGV[1])
return found
