-- Make deliveries due again that were taken and not tried, since they were written: before what was written later.
--
-- ARGV[1], ARGV[2], ARGV[3]    the event's id, the endpoint, the end of the lease in ms; and so on in threes
--
-- The end of the lease says who took it: a repeat, or somebody whose lease ran out, finds another, and does nothing.

local endpoints = {}
for i = 1, #ARGV, 3 do
  local id, endpoint, lease_end = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local outbox = outbox_of(endpoint)
  local created = redis.call('HGET', ROOT .. 'delivery:' .. id, 'created')
  if created and tonumber(redis.call('ZSCORE', outbox, id) or 0) == tonumber(lease_end) then
    write({'ZADD', outbox, lease_end, id}, 'ZADD', outbox, created, id)
    endpoints[endpoint] = true
  end
end
for endpoint in pairs(endpoints) do
  reckon(endpoint)
end
return 1
