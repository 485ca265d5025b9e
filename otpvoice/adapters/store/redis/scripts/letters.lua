-- Deliveries as they are listed: dead ones, newest first; or those on their way, the next due first.
--
-- ARGV[1]    'dead' or 'on_its_way'
-- ARGV[2]    so many at most
--
-- Returns a list of {event's id, type, endpoint, attempts, created, reason or '', due or ''}.

local root, most = KEYS[1] .. ':', tonumber(ARGV[2])
local places = {}
if ARGV[1] == 'dead' then
  for _, id in ipairs(redis.call('ZRANGE', root .. 'dead', 0, most - 1, 'REV')) do
    places[#places + 1] = {id, ''}
  end
else
  -- Of the first so many endpoints the first so many: those that are wanted are among them.
  for _, endpoint in ipairs(redis.call('ZRANGE', root .. 'due', 0, most - 1)) do
    local outbox = root .. 'outbox:' .. redis.sha1hex(endpoint)
    local found = redis.call('ZRANGE', outbox, 0, most - 1, 'WITHSCORES')
    for i = 1, #found, 2 do
      places[#places + 1] = {found[i], found[i + 1]}
    end
  end
  table.sort(places, function(a, b)
    if a[2] ~= b[2] then
      return tonumber(a[2]) < tonumber(b[2])
    end
    return a[1] < b[1]
  end)
end
local letters = {}
for i = 1, math.min(most, #places) do
  local id, due = places[i][1], places[i][2]
  local found = redis.call('HMGET', root .. 'delivery:' .. id, 'type', 'endpoint', 'attempts', 'created', 'reason')
  if found[1] then -- nil: older than a month
    letters[#letters + 1] = {id, found[1], found[2], found[3], found[4], found[5] or '', due}
  end
end
return letters
