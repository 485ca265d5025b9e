-- Write the end of a call: its record, its one summary, and what was told of it.
--
-- ARGV[1]    the call's id
-- ARGV[2]    the record, JSON
-- ARGV[3]    how long both are kept, in ms
-- ARGV[4]    so many dead letters are kept
-- ARGV[5]    of no meaning here: what ended is not in progress
-- ARGV[6]    whose it is: an instance and its life, with a space between
-- ARGV[7]    it is over after so many ms at the latest; '': nothing is said of that
-- ARGV[8]    where what happens is told
-- ARGV[9]    of no meaning here either, and the next one: there is nothing left to do
-- ARGV[11..] how many events; the events, and messages (telling.lua)
--
-- Returns {1, the last entry or ''}, or {0, ''}: it has ended already, was erased, or is another owner's by now. An
-- error: nothing was written, or all but that the call is not in progress any more, and its plan forgotten.
--
-- Safe to repeat. A client whose answer was lost sends it again (redis-py does so unasked), and finds the record ended.

local id, record, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local trail, summaries = ROOT .. 'trail:' .. id, ROOT .. 'summaries'
local held = redis.call('HMGET', trail, 'erased', 'owner')
if held[1] or (held[2] and held[2] ~= ARGV[6]) then
  return {0, ''}
end
local there, state = stored(id)
if state == 'ended' then
  over(id)
  forget_plan(id)
  return {0, ''}
end

-- Age is told by the clock that makes the entries' ids. It is also the one that ends the record: when that is gone and
-- the same end comes once more, the entry of the first time is older than the oldest kept, and goes in this very XADD.
local last = tell(id, ttl, tonumber(ARGV[4]), 11)
local entry = write(nil, 'XADD', summaries, 'MINID', '=', math.max(0, NOW - ttl), '*', 'id', id, 'summary', record)
undo[#undo + 1] = {'XDEL', summaries, entry}
write({'HDEL', trail, 'summary'}, 'HSET', trail, 'summary', entry)
write(nil, 'PEXPIRE', trail, ttl)
if not state then
  own(id, ttl, ARGV[6], ARGV[7], ARGV[8])
  list(id, ttl)
end
write(nil, 'SET', ROOT .. 'call:' .. id, record, 'PX', ttl)
commit()
over(id)
forget_plan(id)
return {1, last}
