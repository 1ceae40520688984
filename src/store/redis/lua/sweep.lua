-- Charges a reservation in full: what it took is added to `changes`.
local function expire (record, changes)
  local at = 3
  local function change (field, amount) changes[field] = (changes[field] or 0) + amount end
  while at <= #record do
    local kind, id = record[at], record[at + 1]
    if kind == 'c' then
      change('c:' .. id, -1)
      at = at + 2
    elseif kind == 'b' then
      local cost, name = record[at + 2], id .. ':' .. record[at + 3]
      change('br:' .. name, 0 - cost)
      change('bs:' .. name, cost)
      at = at + 4
    else
      at = at + 3
    end
  end
end

-- Ends what is due, the longest overdue first, and says how many that were.
local function sweep ()
  local rids = call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, SWEEP_RESERVATIONS_MAX)
  if #rids == 0 then return 0 end
  local packed, changes = call('HMGET', RESERVATIONS, unpack(rids)), {}
  for i, rid in ipairs(rids) do
    if packed[i] and string.byte(packed[i]) == HELD then
      local _, record = cmsgpack.unpack(packed[i])
      expire(record, changes)
      call('HSET', RESERVATIONS, rid, string.char(EXPIRED) .. string.sub(packed[i], 2))
      call('ZADD', DUE, math.max(now, record[1]) + EXPIRED_KEPT_MS, rid)
      local expiry = call('HGET', RESERVATIONS, rid .. '!')
      if expiry then
        -- By the hour of its birth, as all that is final: but this is not final yet.
        local hour = math.floor(record[1] / HOUR_MS)
        local key = string.sub(KEYS[1], 1, -2) .. 'x:' .. hour
        call('HSET', key, rid, call('XADD', EVENTS, '*', 'k', 'expired', 'rid', rid, 'record', add_up(expiry, 1)))
        call('PEXPIRE', key, (hour + 1) * HOUR_MS + LEDGER_KEPT_MS - now, 'NX')
      end
    else
      call('HDEL', RESERVATIONS, rid, rid .. '!')
      call('ZREM', DUE, rid)
    end
  end
  for field, amount in pairs(changes) do call('HINCRBY', STATE, field, amount) end
  if call('HEXISTS', STATE, 'e') == 0 then begin(rids[1]) end
  call('HINCRBY', STATE, 'v', #rids)
  return #rids
end

