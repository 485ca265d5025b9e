-- Which of these calls in progress are left behind.
--
-- ARGV[1]    the owner who asks: its instance and its life, with a space between
-- ARGV[2]    '1': also those of former lives of this instance
-- ARGV[3..]  ids of calls, few enough that nobody is held up by it
--
-- Returns their ids. What has lapsed, or holds something else than a trail, is none. Of one that was erased, or ended,
-- midway something may be left here: whoever wants to take it over finds nothing.

local found = {}
for i = 3, #ARGV do
  local held = redis.pcall('HMGET', ROOT .. 'trail:' .. ARGV[i], 'owner', 'over_by')
  if held.err then
    if not string.find(held.err, 'WRONGTYPE', 1, true) then
      error(held.err, 0)
    end
  elseif is_left_behind(ARGV[i], ARGV[1], held[1], held[2], ARGV[2] == '1') then
    found[#found + 1] = ARGV[i]
  end
end
return found
