-- Take a call over that another life has left behind.
--
-- ARGV[1]    the call's id
-- ARGV[2]    the new owner: its instance and its life, with a space between
-- ARGV[3]    how long the trail is kept, in ms
-- ARGV[4]    for so many ms whoever takes over an overdue call has it to himself
--
-- Returns {} where there is nothing to take; or {the record, the number of the last event, telling or nil, the sealed
-- plan or nil}, also to the one who has taken it over before. Record and plan stay as they are: should the new owner die,
-- the next life finds the call as this one does.

local id, owner = ARGV[1], ARGV[2]
local text, state = stored(id)
if not state or state == 'ended' then
  return {}
end
local held, last = {}, 0
local traces = redis.call('HGETALL', ROOT .. 'trail:' .. id)
for i = 1, #traces, 2 do
  held[traces[i]] = traces[i + 1]
  if string.match(traces[i], '^%d+$') then
    last = math.max(last, tonumber(traces[i]))
  end
end
if held.owner == owner and not held.adopted then
  return {}
end
local plan = redis.pcall('GET', ROOT .. 'plan:' .. id)
if held.owner ~= owner then
  if not is_left_behind(id, owner, held.owner, held.over_by, true) then
    return {}
  end
  local fields = {'owner', owner, 'adopted', 1}
  if is_overdue(held.over_by) then
    fields = {'owner', owner, 'adopted', 1, 'over_by', NOW + ARGV[4]}
  end
  inscribe(id, ARGV[3], fields)
end
return {text, last, held.telling or false, type(plan) == 'string' and plan or false}
