-- Claim an idempotency key for a request.
--
-- ARGV[1]    the id of the call that it stands for
-- ARGV[2]    the request's fingerprint
-- ARGV[3]    the token of this attempt
-- ARGV[4]    how long a claim stands that is neither answered nor released, in ms
--
-- The entry is "fingerprint token", with a third word once it was answered: the record, or "-" where that was erased.
-- Returns one of {'claimed'}, {'in_progress'}, {'mismatch'}, {'forgotten'}, {'answered', the record or '-'}.

local id, fingerprint, token = ARGV[1], ARGV[2], ARGV[3]
local key = KEYS[1] .. ':key:' .. id
local entry = redis.call('GET', key)
if not entry then
  -- The key is forgotten sooner than the call that came of it, whose name is taken.
  if redis.call('EXISTS', KEYS[1] .. ':call:' .. id, KEYS[1] .. ':trail:' .. id) > 0 then
    return {'forgotten'}
  end
else
  local first, holder, answer = string.match(entry, '^(%S+) (%S+) ?(.*)$')
  -- Another request is refused whatever became of the first one.
  if first ~= fingerprint then
    return {'mismatch'}
  elseif answer ~= '' then
    return {'answered', answer}
  elseif holder ~= token then
    return {'in_progress'}
  end
end
redis.call('SET', key, fingerprint .. ' ' .. token, 'PX', ARGV[4])
return {'claimed'}
