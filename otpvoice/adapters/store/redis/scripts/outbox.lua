-- Deliveries and where they stand: `outbox:…` of an endpoint (what is on its way, by when it is due), `due` (endpoints,
-- by when their next one is), `dead` (by when they died), `disabled` (endpoints), and `delivery:…`, what is delivered.

local MONTH = 30 * 24 * 3600 * 1000
local AT_ONCE = 100 -- so many dead letters are forgotten in one script at most

-- Endpoints may hold tokens: their names are in values, never in names of keys.
local function outbox_of(endpoint)
  return ROOT .. 'outbox:' .. redis.sha1hex(endpoint)
end

-- When the next one of an endpoint is due, told anew.
local function reckon(endpoint)
  local first = redis.call('ZRANGE', outbox_of(endpoint), 0, 0, 'WITHSCORES')
  if first[2] then
    write(nil, 'ZADD', ROOT .. 'due', first[2], endpoint)
  else
    write(nil, 'ZREM', ROOT .. 'due', endpoint)
  end
end

local function is_disabled(endpoint)
  return redis.call('ZSCORE', ROOT .. 'disabled', endpoint)
end

local function forget_dead(ids)
  for _, id in ipairs(ids) do
    write(nil, 'ZREM', ROOT .. 'dead', id)
    write(nil, 'DEL', ROOT .. 'delivery:' .. id)
  end
end

-- Among the dead letters: no more than so many, none older than a month.
local function bury(id, most)
  local dead = ROOT .. 'dead'
  write({'ZREM', dead, id}, 'ZADD', dead, NOW, id)
  forget_dead(redis.call('ZRANGE', dead, '-inf', NOW - MONTH, 'BYSCORE', 'LIMIT', 0, AT_ONCE))
  local over = redis.call('ZCARD', dead) - most
  if over > 0 then
    forget_dead(redis.call('ZRANGE', dead, 0, math.min(over, AT_ONCE) - 1))
  end
end

-- From the way to the dead.
local function kill(id, endpoint, reason, most)
  local delivery = ROOT .. 'delivery:' .. id
  write(nil, 'HSET', delivery, 'reason', reason)
  write(nil, 'PEXPIRE', delivery, MONTH)
  bury(id, most)
  write(nil, 'ZREM', outbox_of(endpoint), id)
end

-- On its way for the first time; or dead at once, where nothing is sent any more. `auth`: sealed; nil or '': none.
local function post(id, kind, body, endpoint, most, auth)
  local delivery = ROOT .. 'delivery:' .. id
  write({'DEL', delivery}, 'HSET', delivery, 'type', kind, 'endpoint', endpoint, 'attempts', 0, 'created', NOW,
        'body', body)
  if auth and auth ~= '' then
    write(nil, 'HSET', delivery, 'auth', auth)
  end
  write(nil, 'PEXPIRE', delivery, MONTH)
  if is_disabled(endpoint) then
    write(nil, 'HSET', delivery, 'reason', 'disabled')
    bury(id, most)
  else
    local outbox = outbox_of(endpoint)
    write({'ZREM', outbox, id}, 'ZADD', outbox, NOW, id)
    if write(nil, 'ZADD', ROOT .. 'due', 'LT', NOW, endpoint) == 1 then
      undo[#undo + 1] = {'ZREM', ROOT .. 'due', endpoint}
    end
  end
end

-- Neither on its way nor dead, nor anything.
local function forget(id)
  local delivery = ROOT .. 'delivery:' .. id
  local endpoint = redis.call('HGET', delivery, 'endpoint')
  write(nil, 'DEL', delivery)
  if endpoint then
    write(nil, 'ZREM', ROOT .. 'dead', id)
    write(nil, 'ZREM', outbox_of(endpoint), id)
    reckon(endpoint)
  end
end

-- The endpoint of a delivery that is on its way and was tried so many times; nil: it is none, or not any more so.
local function on_its_way(id, attempts)
  local found = redis.call('HMGET', ROOT .. 'delivery:' .. id, 'endpoint', 'attempts')
  if found[1] and found[2] == attempts and redis.call('ZSCORE', outbox_of(found[1]), id) then
    return found[1]
  end
end
