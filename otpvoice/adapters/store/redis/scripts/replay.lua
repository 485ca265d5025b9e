-- Make a dead letter due now, with no attempts made.
--
-- ARGV[1]    the event's id
--
-- Returns 1, also where a repeat finds it so; 0: there is no such one, or nothing is sent to its endpoint.

local id = ARGV[1]
local delivery = ROOT .. 'delivery:' .. id
local found = redis.call('HMGET', delivery, 'endpoint', 'attempts')
local endpoint, attempts = found[1], found[2]
if not endpoint or is_disabled(endpoint) then
  return 0
end
local outbox = outbox_of(endpoint)
if not redis.call('ZSCORE', ROOT .. 'dead', id) then
  return attempts == '0' and redis.call('ZSCORE', outbox, id) and 1 or 0
end
write({'ZREM', outbox, id}, 'ZADD', outbox, NOW, id)
write({'HSET', delivery, 'attempts', attempts}, 'HSET', delivery, 'attempts', 0)
write(nil, 'PEXPIRE', delivery, MONTH)
write(nil, 'ZREM', ROOT .. 'dead', id)
reckon(endpoint)
return 1
