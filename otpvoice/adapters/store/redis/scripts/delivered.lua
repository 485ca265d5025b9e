-- Forget deliveries that arrived; also one that was given up meanwhile, for it did arrive.
--
-- ARGV[1], ARGV[2]    the event's id, the endpoint; and so on in pairs

local endpoints = {}
for i = 1, #ARGV, 2 do
  local id, endpoint = ARGV[i], ARGV[i + 1]
  write(nil, 'ZREM', outbox_of(endpoint), id)
  write(nil, 'ZREM', ROOT .. 'dead', id)
  write(nil, 'DEL', ROOT .. 'delivery:' .. id)
  endpoints[endpoint] = true
end
for endpoint in pairs(endpoints) do
  reckon(endpoint)
end
return 1
