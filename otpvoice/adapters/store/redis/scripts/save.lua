-- Write the record of a call that goes on, never backwards, and what was told of it in any case; its plan is forgotten,
-- unless this is the first that is written of it.
--
-- ARGV[1]    the call's id
-- ARGV[2]    the record, JSON
-- ARGV[3]    how long it is kept, in ms
-- ARGV[4]    so many dead letters are kept
-- ARGV[5]    it counts as in progress for so many ms at most, where it is written for the first time
-- ARGV[6]    whose it is: an instance and its life, with a space between
-- ARGV[7]    it is over after so many ms at the latest; '': nothing is said of that. Said again, it counts from now
-- ARGV[8]    where what happens is told
-- ARGV[9]    the sealed plan, or ''
-- ARGV[10]   and for how many ms that is of any use
-- ARGV[11]   the states that this write may not replace, each with a space before and behind it
-- ARGV[12..] how many events; the events, and messages (telling.lua)
--
-- Returns {1, the last entry or ''}, or {0, ''}: it was erased, or is another owner's by now, and nothing was written.
-- An error: nothing was written, or all but that the plan is forgotten.

local id, ttl = ARGV[1], tonumber(ARGV[3])
local trail = ROOT .. 'trail:' .. id
local held = redis.call('HMGET', trail, 'erased', 'owner')
if held[1] or (held[2] and held[2] ~= ARGV[6]) then
  return {0, ''}
end
local there, state = stored(id)
local last = tell(id, ttl, tonumber(ARGV[4]), 12)
if state and string.find(ARGV[11], ' ' .. state .. ' ', 1, true) then
  return {1, last} -- whoever has come so far has no plan any more
end
if state and ARGV[7] ~= '' then
  prolong(id, ARGV[7], tonumber(ARGV[5]))
end
if not state then
  own(id, ttl, ARGV[6], ARGV[7], ARGV[8])
  keep_plan(id, ARGV[9], ARGV[10])
  list(id, ttl, tonumber(ARGV[5]))
end
write(nil, 'SET', ROOT .. 'call:' .. id, ARGV[2], 'PX', ttl)
commit()
if ARGV[9] == '' then -- else this is the first write of the call, or a repeat of that
  forget_plan(id)
end
write(nil, 'PEXPIRE', trail, ttl)
return {1, last}
