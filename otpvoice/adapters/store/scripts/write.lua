-- Write the record of one call: never backwards, and its end once.
--
-- KEYS[1]    the record
-- KEYS[2]    the stream of summaries; given with the last write alone
-- ARGV[1]    the call's id
-- ARGV[2]    the record, JSON
-- ARGV[3]    how long both are kept, in ms
-- ARGV[4..]  the states that this write may not replace
--
-- Returns 1: written. 0: what was there stands. An error: nothing was written.
--
-- Safe to repeat. A client whose answer was lost sends it again (redis-py does so unasked), and finds the record ended.

local stored = redis.call('GET', KEYS[1])
if stored then
  -- What is no record of ours (not JSON, no state) has no rank and is replaced.
  local ok, record = pcall(cjson.decode, stored)
  local state = ok and type(record) == 'table' and record.state
  for i = 4, #ARGV do
    if state == ARGV[i] then
      return 0
    end
  end
end

if not KEYS[2] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1
end

-- Age is told by the clock that makes the entries' ids. It is also the one that ends the record: when that is gone and
-- the same end comes once more, the entry of the first time is older than the oldest kept, and goes in this very XADD.
local now = redis.call('TIME')
local oldest = math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[3])

-- The stream first. A script is not undone when it fails midway, and XADD is the one that can fail on its own (the key
-- holds something else). Once it succeeded, SET can only fail for lack of permission; then the entry is taken back, or
-- each repeat would add one more.
local entry = redis.call('XADD', KEYS[2], 'MINID', '=', string.format('%.0f', oldest), '*',
                         'id', ARGV[1], 'summary', ARGV[2])
local set = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if set.err then
  redis.call('XDEL', KEYS[2], entry)
  return set
end
return 1
