-- How many deliveries are on their way, and how many dead letters there are.
--
-- ARGV[1]    so many endpoints are counted at most
--
-- Returns {on their way, dead}.

local root, on_their_way = KEYS[1] .. ':', 0
for _, endpoint in ipairs(redis.call('ZRANGE', root .. 'due', 0, ARGV[1] - 1)) do
  on_their_way = on_their_way + redis.call('ZCARD', root .. 'outbox:' .. redis.sha1hex(endpoint))
end
return {on_their_way, redis.call('ZCARD', root .. 'dead')}
