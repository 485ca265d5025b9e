-- What was told of a call. Its trail, a hash, says where the traces are: `<number>` of an event: its entry in the
-- account's stream and its id; the id of a message: 1; `summary`: the entry of that; `lock`: of its destination; `erased`:
-- nothing else is left.
-- Of the others owning.lua tells.

local DAY = 24 * 3600 * 1000

-- Write what is told, but for what was told already: from ARGV[at] on how many events, the events, five arguments each,
-- and messages, five each as well, which are put into the outbox alone. Returns the last entry, or ''.
--
-- XADD first: its entry can't be made twice by a repeat, for the trail says that it is there, or it is taken back.
-- They hold the whole call each time, so they are kept for a day at most, however long records are.
local function tell(id, ttl, most_dead, at)
  local kept = math.min(ttl, DAY)
  local trail = ROOT .. 'trail:' .. id
  local last, new = '', false
  local messages = at + 1 + ARGV[at] * 5
  for i = at + 1, messages - 1, 5 do
    local event, number, kind, body, endpoint = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
    if redis.call('HEXISTS', trail, number) == 0 then
      local stream, position = ROOT .. 'events', ROOT .. 'event:' .. event
      last = write(nil, 'XADD', stream, 'MINID', '=', math.max(0, NOW - kept), '*',
                   'id', event, 'type', kind, 'body', body)
      undo[#undo + 1] = {'XDEL', stream, last}
      write({'HDEL', trail, number}, 'HSET', trail, number, last .. ' ' .. event)
      write({'DEL', position}, 'SET', position, last, 'PX', kept)
      if endpoint ~= '' then
        post(event, kind, body, endpoint, most_dead)
      end
    end
  end
  for i = messages, #ARGV, 5 do
    local message, kind, body, endpoint, auth = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
    if redis.call('HEXISTS', trail, message) == 0 then
      new = true
      write({'HDEL', trail, message}, 'HSET', trail, message, 1)
      post(message, kind, body, endpoint, most_dead, auth)
    end
  end
  if new or last ~= '' then
    write(nil, 'PEXPIRE', trail, ttl)
  end
  return last
end

-- In the list of the account's calls, and of those in progress. The lists keep an entry a day longer than records
-- are kept: so long, a call can go on that began when it was listed.
local function list(id, ttl, over_within)
  local calls, live = ROOT .. 'calls', ROOT .. 'live'
  write({'ZREM', calls, id}, 'ZADD', calls, NOW, id)
  if over_within then
    write({'ZREM', live, id}, 'ZADD', live, NOW + over_within, id)
  end
  write(nil, 'ZREMRANGEBYSCORE', calls, '-inf', NOW - ttl - DAY)
  write(nil, 'ZREMRANGEBYSCORE', live, '-inf', NOW - ttl - DAY)
end

-- Not in progress any more: others may call there.
local function over(id)
  write(nil, 'ZREM', ROOT .. 'live', id)
  local lock = redis.call('HGET', ROOT .. 'trail:' .. id, 'lock')
  if lock and redis.call('GET', ROOT .. 'busy:' .. lock) == id then
    write(nil, 'DEL', ROOT .. 'busy:' .. lock)
  end
end
