-- ARGV: now, how long things are kept, rid, born, packed record or '', and for each charge one of
--   r id perMinute burst cost    c id    b id window cost
-- Which ones follow is said by the reservation, whose claims they answer one by one.
local rid, born, written = ARGV[4], tonumber(ARGV[5]), ARGV[6]
local CHARGES = 7

local packed = call('HGET', RESERVATIONS, rid)
local form, record
if packed then form, record = cmsgpack.unpack(packed) end
local held = form == HELD

local fields, count = {'v', 'e', 'h'}, 3
local at, last, r, matches = CHARGES, #ARGV, 3, true
while at <= last do
  local kind, id = ARGV[at], ARGV[at + 1]
  if record and (record[r] ~= kind or record[r + 1] ~= id) then matches = false break end
  if kind == 'b' then
    local name = id .. ':' .. (record and record[r + 3] or ARGV[at + 2])
    count = count + 1
    fields[count] = 'bs:' .. name
    if held then
      count = count + 1
      fields[count] = 'br:' .. name
    end
    at, r = at + 4, r + 4
  elseif kind == 'r' then
    if held then
      fields[count + 1], fields[count + 2] = 'rl:' .. id, 'rt:' .. id
      count = count + 2
    end
    at, r = at + 5, r + 3
  else
    if held then
      count = count + 1
      fields[count] = 'c:' .. id
    end
    at, r = at + 2, r + 2
  end
end
if record and (not matches or record[r]) then
  return redis.error_reply('BADCALL these charges cannot settle the claims of this reservation')
end

local age, status = now - born, nil
if age > FINAL_MEMORY_MS or -age > BIRTH_AHEAD_MS_MAX then
  status = 'old'
elseif not packed and call('HEXISTS', FINALS, rid) == 1 then
  status = 'repeated'
end
if status then
  local state = call('HMGET', STATE, 'v', 'e', 'h')
  return {status, state[1] or 0, state[2] or '', state[3] or 0, now}
end

local values = call('HMGET', STATE, unpack(fields))
local version, epoch = (values[1] or 0) + 1, values[2]
local writes = {'v', version}
local w, f = 2, 4
at, r = CHARGES, 3
while at <= last do
  local kind = ARGV[at]
  if kind == 'b' then
    local actual = tonumber(ARGV[at + 3])
    if held then
      writes[w + 1], writes[w + 2] = fields[f], (values[f] or 0) + actual
      writes[w + 3], writes[w + 4] = fields[f + 1], (values[f + 1] or 0) - record[r + 2]
      w, f = w + 4, f + 2
    else
      writes[w + 1], writes[w + 2] = fields[f], (values[f] or 0) + (actual - (record and record[r + 2] or 0))
      w, f = w + 2, f + 1
    end
    at, r = at + 4, r + 4
  elseif kind == 'r' then
    if held then
      local burst, level, time = ARGV[at + 3] * BUCKET_UNITS, values[f], tonumber(values[f + 1] or 0)
      if not level then level = burst elseif now > time then level = level + (now - time) * ARGV[at + 2] end
      level = math.min(burst, level) + (record[r + 2] - ARGV[at + 4]) * BUCKET_UNITS
      writes[w + 1], writes[w + 2] = fields[f], math.min(burst, math.max(0 - burst, level))
      writes[w + 3], writes[w + 4] = fields[f + 1], math.max(now, time)
      w, f = w + 4, f + 2
    end
    at, r = at + 5, r + 3
  else
    if held then
      writes[w + 1], writes[w + 2] = fields[f], (values[f] or 0) - 1
      w, f = w + 2, f + 1
    end
    at, r = at + 2, r + 2
  end
end

call('HSET', STATE, unpack(writes))
local expiry = form == EXPIRED and call('HGET', RESERVATIONS, rid .. '!')
if expiry then
  local key = string.sub(KEYS[1], 1, -2) .. 'x:' .. math.floor(record[1] / HOUR_MS)
  call('XDEL', EVENTS, call('HGET', key, rid) or '0-0')
  call('HDEL', key, rid)
  add_up(expiry, -1)
end
if packed then
  call('HDEL', RESERVATIONS, rid, rid .. '!')
  call('ZREM', DUE, rid)
end
local entry = ''
if written ~= '' then
  local kind = expiry and 'corrected' or 'settled'
  entry = call('XADD', EVENTS, '*', 'k', kind, 'rid', rid, 'record', add_up(written, 1))
end
call('HSET', FINALS, rid, entry)
call('PEXPIRE', FINALS, math.floor(born / HOUR_MS) * HOUR_MS + HOUR_MS + LEDGER_KEPT_MS - now, 'NX')
return {'settled', version, epoch or begin(rid), values[3] or 0, now, held and 'reserved' or packed and 'late' or 'unreserved'}
