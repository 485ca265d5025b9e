-- Send nothing to an endpoint any more.
--
-- ARGV[1]    the endpoint
-- ARGV[2]    so many deliveries are made dead letters now
-- ARGV[3]    so many dead letters are kept
--
-- Returns how many are left on their way: ask again. None of them is taken meanwhile (take.lua).

local endpoint = ARGV[1]
local outbox = outbox_of(endpoint)
if not is_disabled(endpoint) then
  write(nil, 'ZADD', ROOT .. 'disabled', NOW, endpoint)
end
for _, id in ipairs(redis.call('ZRANGE', outbox, 0, ARGV[2] - 1)) do
  kill(id, endpoint, 'disabled', tonumber(ARGV[3]))
end
reckon(endpoint)
return redis.call('ZCARD', outbox)
