-- The events of one call, found by its trail and without reading those of others.
--
-- ARGV[1]    the call's id
-- ARGV[2]    the position to go on after: milliseconds
-- ARGV[3]    and the number within them
-- ARGV[4]    so many at most
--
-- Returns entries as XRANGE does, in order.

local traces = redis.call('HGETALL', KEYS[1] .. ':trail:' .. ARGV[1])
local at, nth = tonumber(ARGV[2]), tonumber(ARGV[3])
local found = {}
for i = 1, #traces, 2 do
  local entry, ms, number = string.match(traces[i + 1], '^((%d+)-(%d+)) ')
  if entry and string.match(traces[i], '^%d+$') then
    ms, number = tonumber(ms), tonumber(number)
    if ms > at or (ms == at and number > nth) then
      found[#found + 1] = {ms, number, entry}
    end
  end
end
table.sort(found, function(a, b)
  if a[1] ~= b[1] then
    return a[1] < b[1]
  end
  return a[2] < b[2]
end)
local told = {}
for _, place in ipairs(found) do
  if #told == tonumber(ARGV[4]) then
    break
  end
  told[#told + 1] = redis.call('XRANGE', KEYS[1] .. ':events', place[3], place[3])[1] -- nil: trimmed
end
return told
