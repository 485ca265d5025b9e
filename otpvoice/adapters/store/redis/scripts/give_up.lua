-- The last attempt failed: make a dead letter of it.
--
-- ARGV[1]    the event's id
-- ARGV[2]    how many attempts there were before it
-- ARGV[3]    why it failed
-- ARGV[4]    so many dead letters are kept

local id = ARGV[1]
local endpoint = on_its_way(id, ARGV[2])
if endpoint then
  local delivery = ROOT .. 'delivery:' .. id
  write({'HSET', delivery, 'attempts', ARGV[2]}, 'HSET', delivery, 'attempts', ARGV[2] + 1)
  kill(id, endpoint, ARGV[3], tonumber(ARGV[4]))
  reckon(endpoint)
end
return 1
