-- Write the record of a call that goes on, never backwards, and what was told of it in any case.
--
-- ARGV[1]    the call's id
-- ARGV[2]    the record, JSON
-- ARGV[3]    how long it is kept, in ms
-- ARGV[4]    so many dead letters are kept
-- ARGV[5]    it counts as in progress for so many ms at most, where it is written for the first time
-- ARGV[6]    the states that this write may not replace, each with a space before and behind it
-- ARGV[7..]  the events
--
-- Returns {1 if the record was written, else 0, the last entry or ''}. An error: nothing was written.

local id, ttl = ARGV[1], tonumber(ARGV[3])
local trail = ROOT .. 'trail:' .. id
if redis.call('HEXISTS', trail, 'erased') == 1 then
  return {0, ''}
end
local there, state = stored(id)
local last = tell(id, ttl, tonumber(ARGV[4]), 7)
if state and string.find(ARGV[6], ' ' .. state .. ' ', 1, true) then
  return {0, last}
end
if not state then
  list(id, ttl, tonumber(ARGV[5]))
end
write(nil, 'SET', ROOT .. 'call:' .. id, ARGV[2], 'PX', ttl)
commit()
write(nil, 'PEXPIRE', trail, ttl)
return {1, last}
