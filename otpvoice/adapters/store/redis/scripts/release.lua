-- Give an idempotency key back, if this claim holds it: also where its call was written, and nothing came of it after all.
-- That call keeps its name, so the key stands for another one from then on (see claim.lua, "forgotten").
--
-- ARGV[1]    the id of the call that it stands for
-- ARGV[2]    the token of the claim

local key = KEYS[1] .. ':key:' .. ARGV[1]
local holder, answer = string.match(redis.call('GET', key) or '', '^%S+ (%S+) ?(.*)$')
if holder == ARGV[2] and answer ~= '-' then
  redis.call('DEL', key)
end
return 1
