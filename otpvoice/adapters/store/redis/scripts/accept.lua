-- Write a new call, if it may be.
--
-- ARGV[1]    the call's id
-- ARGV[2]    the record, JSON
-- ARGV[3]    how long it is kept, in ms
-- ARGV[4]    so many dead letters are kept
-- ARGV[5]    it counts as in progress for so many ms at most; 0: it does not
-- ARGV[6]    whose it is: an instance and its life, with a space between
-- ARGV[7]    it is over after so many ms at the latest; '': nothing is said of that
-- ARGV[8]    where what happens is told
-- ARGV[9]    the sealed plan, or ''
-- ARGV[10]   and for how many ms that is of any use
-- ARGV[11]   the token of the claim, or ''
-- ARGV[12]   the destination, as a digest, or ''
-- ARGV[13]   its lock goes after so many ms at most
-- ARGV[14]   so many calls may be in progress, or ''
-- ARGV[15]   how many limits there are; for each: its name, its window's name, how many, and in how many ms
-- ARGV[..]   how many events; the events, and messages (telling.lua)
--
-- Returns one of {'taken', the last entry or ''}, {'claim_lost'}, {'busy', id}, {'limited', name, retry in ms}.
-- An error: nothing was written.

local id, record, ttl, most_dead = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local token, destination, lock_ends, most = ARGV[11], ARGV[12], tonumber(ARGV[13]), tonumber(ARGV[14])
local limits = tonumber(ARGV[15])

local key = ROOT .. 'key:' .. id
local claim, fingerprint
if token ~= '' then
  local holder, answer
  claim = redis.call('GET', key)
  if claim then
    fingerprint, holder, answer = string.match(claim, '^(%S+) (%S+) ?(.*)$')
  end
  if holder ~= token then
    return {'claim_lost'}
  end
  if answer ~= '' then
    return {'taken', ''} -- by this very claim
  end
end

local trail = ROOT .. 'trail:' .. id
local there, state = stored(id)
if state or redis.call('HEXISTS', trail, 'erased') == 1 then
  return {token == '' and 'taken' or 'claim_lost', ''}
end

local busy = ROOT .. 'busy:' .. destination
if destination ~= '' then
  local other = redis.call('GET', busy)
  if other and other ~= id then
    return {'busy', other}
  end
end

if most and redis.call('ZCOUNT', ROOT .. 'live', '(' .. string.format('%.0f', NOW), '+inf') >= most then
  return {'limited', 'calls_in_progress', 1000} -- nobody knows when one of them ends
end

-- Of several that are reached the one that is longest so.
local name, retry
for i = 16, 15 + limits * 4, 4 do
  local window, allowed, span = ROOT .. 'limit:' .. ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local since = '(' .. string.format('%.0f', NOW - span)
  local count = redis.call('ZCOUNT', window, since, '+inf')
  if count >= allowed then
    local wait = span
    if allowed > 0 then
      local first = redis.call('ZRANGE', window, since, '+inf', 'BYSCORE', 'LIMIT', count - allowed, 1, 'WITHSCORES')
      wait = first[2] + span - NOW
    end
    if not retry or wait > retry then
      name, retry = ARGV[i], wait
    end
  end
end
if name then
  return {'limited', name, retry}
end

own(id, ttl, ARGV[6], ARGV[7], ARGV[8])
keep_plan(id, ARGV[9], ARGV[10])
local last = tell(id, ttl, most_dead, 16 + limits * 4)
if destination ~= '' then
  write({'HDEL', trail, 'lock'}, 'HSET', trail, 'lock', destination)
  write({'DEL', busy}, 'SET', busy, id, 'PX', lock_ends)
end
for i = 16, 15 + limits * 4, 4 do
  local window, span = ROOT .. 'limit:' .. ARGV[i + 1], tonumber(ARGV[i + 3])
  write({'ZREM', window, id}, 'ZADD', window, NOW, id)
  write(nil, 'ZREMRANGEBYSCORE', window, '-inf', NOW - span)
  write(nil, 'PEXPIRE', window, span)
end
list(id, ttl, tonumber(ARGV[5]))
if claim then
  write({'SET', key, claim, 'PX', 60000}, 'SET', key, fingerprint .. ' ' .. token .. ' ' .. record, 'PX', DAY)
end
write(nil, 'SET', ROOT .. 'call:' .. id, record, 'PX', ttl)
return {'taken', last}
