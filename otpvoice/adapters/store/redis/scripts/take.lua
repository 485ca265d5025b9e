-- Take what is due for an endpoint, the longest due first, and let it be due again after the lease.
--
-- ARGV[1]    the endpoint
-- ARGV[2]    so many at most
-- ARGV[3]    the lease, in ms
-- ARGV[4]    so many dead letters are kept
--
-- Returns a list of {event's id, type, attempts, created, body, end of the lease in ms, auth or ''}. A repeat finds
-- them taken: they come after the lease.

local endpoint, most_dead = ARGV[1], tonumber(ARGV[4])
local outbox = outbox_of(endpoint)
local disabled = is_disabled(endpoint)
local lease_end = string.format('%.0f', NOW + ARGV[3])
local taken = {}
for _, id in ipairs(redis.call('ZRANGE', outbox, '-inf', NOW, 'BYSCORE', 'LIMIT', 0, ARGV[2])) do
  local found = redis.call('HMGET', ROOT .. 'delivery:' .. id, 'type', 'attempts', 'created', 'body', 'auth')
  if not found[1] then
    write(nil, 'ZREM', outbox, id) -- older than a month
  elseif disabled then
    kill(id, endpoint, 'disabled', most_dead)
  else
    write(nil, 'ZADD', outbox, lease_end, id)
    taken[#taken + 1] = {id, found[1], found[2], found[3], found[4], lease_end, found[5] or ''}
  end
end
reckon(endpoint)
return taken
