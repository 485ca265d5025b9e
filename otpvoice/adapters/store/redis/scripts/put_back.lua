-- Another attempt failed: one more is made later.
--
-- ARGV[1]    the event's id
-- ARGV[2]    how many attempts there were before it
-- ARGV[3]    when the next one is due, in ms from now
-- ARGV[4]    why it failed
--
-- Counted from what the caller knows: a repeat, or somebody whose lease ran out, finds another number, and does nothing.

local id = ARGV[1]
local endpoint = on_its_way(id, ARGV[2])
if endpoint then
  write(nil, 'ZADD', outbox_of(endpoint), NOW + ARGV[3], id)
  write(nil, 'HSET', ROOT .. 'delivery:' .. id, 'attempts', ARGV[2] + 1, 'reason', ARGV[4])
  reckon(endpoint)
end
return 1
