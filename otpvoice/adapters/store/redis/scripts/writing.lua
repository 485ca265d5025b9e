-- What each script that writes begins with: the names, the clock, and writes that are taken back when a later one fails.
--
-- KEYS[1]    the root of an account's keys (keys.py): all others are made of it, and lie in its slot
--
-- A script is not undone when it fails midway. A full server, a replica and one without a disk refuse the first write
-- already (a full one only if that takes room, and lets the script do as it likes after one that does not, such as
-- PEXPIRE: so none begins with such a one that is to be refused). A key that holds something else, or a lacking
-- permission, shows only where it is met.

local ROOT = KEYS[1] .. ':'
local TIME = redis.call('TIME')
local NOW = TIME[1] * 1000 + math.floor(TIME[2] / 1000) -- ms

local undo = {}

-- A write; `back`, if given, is the command that takes it back.
local function write(back, ...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then
    for i = #undo, 1, -1 do
      redis.pcall(unpack(undo[i]))
    end
    error(answer.err, 0)
  end
  if back then
    undo[#undo + 1] = back
  end
  return answer
end

-- From here on a failure takes nothing back: what matters is written, and a repeat does the rest.
local function commit()
  undo = {}
end

-- The record of a call and its state. What is no record of ours (not JSON, no state) has none, and is replaced.
local function stored(id)
  local text = redis.call('GET', ROOT .. 'call:' .. id)
  if not text then
    return false, nil
  end
  local ok, record = pcall(cjson.decode, text)
  local state = ok and type(record) == 'table' and record.state
  return text, type(state) == 'string' and state or nil
end
