-- Forget a call that ended.
--
-- ARGV[1]    the call's id
--
-- Returns 'done' (also where this was done before), 'unknown' or 'in_progress'.
--
-- What stays for a day is a tombstone: without it, a write that comes late would bring the call back. Where a script
-- fails midway, the trail still says what is left, and a repeat does the rest.

local id = ARGV[1]
local trail, key = ROOT .. 'trail:' .. id, ROOT .. 'key:' .. id
local there, state = stored(id)
if state and state ~= 'ended' then
  return 'in_progress'
end
local traces = redis.call('HGETALL', trail)
if not there and #traces == 0 then
  return 'unknown'
end

-- The plan is left only where the end was written in part. In this order: a full server refuses no script that began by taking something away.
write(nil, 'DEL', ROOT .. 'call:' .. id, ROOT .. 'plan:' .. id)
write(nil, 'HSET', trail, 'erased', 1)
write(nil, 'PEXPIRE', trail, 24 * 3600 * 1000)

for i = 1, #traces, 2 do
  local trace, where = traces[i], traces[i + 1]
  local entry, event = string.match(where, '^(%S+) (%S+)$')
  entry = string.match(trace, '^%d+$') and entry -- an owner is two words, too
  if trace == 'summary' then
    write(nil, 'XDEL', ROOT .. 'summaries', where)
  elseif entry then
    write(nil, 'XDEL', ROOT .. 'events', entry)
    write(nil, 'DEL', ROOT .. 'event:' .. event)
    forget(event)
  elseif string.match(trace, '^evt_.*%.%d+$') then
    forget(trace)
  end
  if trace ~= 'erased' then
    write(nil, 'HDEL', trail, trace)
  end
end

local fingerprint, token, answer = string.match(redis.call('GET', key) or '', '^(%S+) (%S+) (.*)$')
if answer then
  write(nil, 'SET', key, fingerprint .. ' ' .. token .. ' -', 'KEEPTTL')
end
write(nil, 'ZREM', ROOT .. 'calls', id)
write(nil, 'ZREM', ROOT .. 'live', id)
return 'done'
