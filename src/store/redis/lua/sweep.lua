local NAMES = {r = 'rate', c = 'concurrency', b = 'budget'}

-- Charges a reservation in full: what it took is added to `changes`, and returned as the event's JSON. Numbers never go
-- through cjson, which rounds them.
local function expire (record, changes)
  local entries, at = {}, 3
  local function change (field, amount) changes[field] = (changes[field] or 0) + amount end
  while at <= #record do
    local kind, id, cost, window = record[at], record[at + 1], 1, ''
    if kind == 'c' then
      change('c:' .. id, -1)
      at = at + 2
    else
      cost = record[at + 2]
      at = at + 3
    end
    if kind == 'b' then
      local name = id .. ':' .. record[at]
      change('br:' .. name, 0 - cost)
      change('bs:' .. name, cost)
      window = ',"windowId":' .. cjson.encode(record[at])
      at = at + 1
    end
    entries[#entries + 1] = string.format('{"kind":"%s","id":%s,"cost":%.0f%s}', NAMES[kind], cjson.encode(id), cost, window)
  end
  return '[' .. table.concat(entries, ',') .. ']'
end

-- Ends what is due, the longest overdue first, and says how many that were.
local function sweep ()
  local rids = call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, SWEEP_RESERVATIONS_MAX)
  if #rids == 0 then return 0 end
  local packed, changes = call('HMGET', RESERVATIONS, unpack(rids)), {}
  for i, rid in ipairs(rids) do
    if packed[i] and string.byte(packed[i]) == HELD then
      local _, record = cmsgpack.unpack(packed[i])
      local entries = expire(record, changes)
      call('HSET', RESERVATIONS, rid, string.char(EXPIRED) .. string.sub(packed[i], 2))
      call('ZADD', DUE, math.max(now, record[1]) + EXPIRED_KEPT_MS, rid)
      call('XADD', EVENTS, '*', 'k', 'expired', 'rid', rid, 'time', now, 'born', record[1], 'note', record[2], 'entries', entries)
    else
      call('HDEL', RESERVATIONS, rid)
      call('ZREM', DUE, rid)
    end
  end
  for field, amount in pairs(changes) do call('HINCRBY', STATE, field, amount) end
  if call('HEXISTS', STATE, 'e') == 0 then begin(rids[1]) end
  call('HINCRBY', STATE, 'v', #rids)
  return #rids
end
