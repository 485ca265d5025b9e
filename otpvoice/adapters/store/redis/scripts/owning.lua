-- Whose a call is, and what it leaves to the next life: in its trail `owner` (an instance and its life, with a space
-- between), `over_by` (ms), `telling`, and `adopted` since it was taken over; and a key of its own, `plan:…`, which is gone
-- by itself when it is of no use any more.
--
-- A call without an owner was written by an earlier version: anybody may write it, and it is never overdue.

local function instance_of(owner)
  return string.match(owner, '^%S+')
end

-- Set these fields of a call's trail, in pairs; what they were before comes back where the script fails later.
local function inscribe(id, ttl, fields)
  local trail = ROOT .. 'trail:' .. id
  for i = 1, #fields, 2 do
    local before = redis.call('HGET', trail, fields[i])
    undo[#undo + 1] = before and {'HSET', trail, fields[i], before} or {'HDEL', trail, fields[i]}
  end
  write(nil, 'HSET', trail, unpack(fields))
  write(nil, 'PEXPIRE', trail, ttl)
end

-- Put down whose a call is that is written for the first time.
local function own(id, ttl, owner, over_within, telling)
  if over_within == '' then
    inscribe(id, ttl, {'owner', owner})
  else
    inscribe(id, ttl, {'owner', owner, 'over_by', NOW + over_within, 'telling', telling})
  end
end

-- A call begins anew in another life: it may last as long as one that begins now, and so does its destination's lock.
local function prolong(id, over_within, counts)
  local trail = ROOT .. 'trail:' .. id
  write(nil, 'HSET', trail, 'over_by', NOW + over_within)
  if counts > 0 then
    write(nil, 'ZADD', ROOT .. 'live', 'XX', NOW + counts, id)
  end
  local lock = redis.call('HGET', trail, 'lock')
  if lock then
    local busy = ROOT .. 'busy:' .. lock
    local other = redis.call('GET', busy)
    if not other or other == id then
      write(nil, 'SET', busy, id, 'PX', over_within)
    end
  end
end

local function keep_plan(id, plan, kept)
  if plan ~= '' then
    local key = ROOT .. 'plan:' .. id
    write({'DEL', key}, 'SET', key, plan, 'PX', kept)
  end
end

local function forget_plan(id)
  write(nil, 'DEL', ROOT .. 'plan:' .. id)
end

local function is_overdue(over_by)
  return (tonumber(over_by) or NOW) < NOW
end

-- Was a call left behind by its former owner? `ours`: also where that was a former life of the same instance.
local function is_left_behind(id, owner, former, over_by, ours)
  if former then
    return former ~= owner and (is_overdue(over_by) or (ours and instance_of(former) == instance_of(owner)))
  end
  local ok, record = pcall(cjson.decode, ours and redis.pcall('GET', ROOT .. 'call:' .. id))
  return ok and type(record) == 'table' and record.instance == instance_of(owner)
end
