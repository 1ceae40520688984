-- ARGV: now, how long things are kept, mode, rid, born, packed record of an expiry or '', and for each claim one of
--   r id perMinute burst cost    c id limit    b id cost n, n times (window start end amount)
local mode, rid, born, expiry = ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7]
local CLAIMS = 8

-- Which fields the claims need, and for each budget where in ARGV the window is that the time stands in.
local fields, count, windows, budgets, stale = {'v', 'e', 'h'}, 3, {}, 0, false
local at, last = CLAIMS, #ARGV
while at <= last do
  local kind, id = ARGV[at], ARGV[at + 1]
  if kind == 'r' then
    fields[count + 1], fields[count + 2] = 'rl:' .. id, 'rt:' .. id
    count, at = count + 2, at + 5
  elseif kind == 'c' then
    count, at = count + 1, at + 3
    fields[count] = 'c:' .. id
  else
    local window, after = at + 4, at + 4 + 4 * ARGV[at + 3]
    while window < after and not (tonumber(ARGV[window + 1]) <= now and now < tonumber(ARGV[window + 2])) do window = window + 4 end
    budgets, at = budgets + 1, after
    if window < after then
      local name = id .. ':' .. ARGV[window]
      fields[count + 1], fields[count + 2] = 'bs:' .. name, 'br:' .. name
      count, windows[budgets] = count + 2, window
    else
      stale = true
    end
  end
end

local function only (status)
  local state = call('HMGET', STATE, 'v', 'e', 'h')
  return {status, state[1] or 0, state[2] or '', state[3] or 0, now}
end

local repeated = false
if mode ~= 'check' then
  sweep()
  local known = call('HGET', RESERVATIONS, rid)
  if known then
    if string.byte(known) == EXPIRED then return only('expired') end
    call('ZADD', DUE, now + LEASE_MS, rid)
    repeated = true
  else
    if call('HEXISTS', FINALS, rid) == 1 then return only('final') end
    local age = now - born
    if age > FINAL_MEMORY_MS or -age > BIRTH_AHEAD_MS_MAX or (mode == 'reserve' and age > BIRTH_MS_MAX) then return only('old') end
  end
end
if stale then return only('stale') end

local values = call('HMGET', STATE, unpack(fields))
local version, epoch, hold = values[1], values[2], values[3]
local reply = {'granted', version or 0, epoch or '', hold or 0, now}
if budgets > 0 and hold and mode ~= 'force' and not repeated and tonumber(hold) > now and hold - now <= HOLD_MS_MAX then
  reply[1] = 'on_hold'
  return reply
end

-- The standings of all claims, and what a grant would write.
local writes, record, fresh, allowed = {'v', (version or 0) + 1}, {born, ''}, {}, true
local w, r, said, f, budget = 2, 2, 5, 4, 0
at = CLAIMS
while at <= last do
  local kind, id = ARGV[at], ARGV[at + 1]
  if kind == 'r' then
    local burst, cost, level, time = ARGV[at + 3] * BUCKET_UNITS, tonumber(ARGV[at + 4]), values[f], tonumber(values[f + 1] or 0)
    if level then
      if now > time then level = level + (now - time) * ARGV[at + 2] else level = tonumber(level) end
      if level > burst then level = burst end
    else
      level = burst
    end
    said = said + 1
    reply[said] = level
    level = level - cost * BUCKET_UNITS
    if level < 0 then
      allowed = false
      if level < -burst then level = 0 - burst end
    end
    writes[w + 1], writes[w + 2], writes[w + 3], writes[w + 4] = fields[f], level, fields[f + 1], now > time and now or time
    record[r + 1], record[r + 2], record[r + 3] = 'r', id, cost
    w, r, f, at = w + 4, r + 3, f + 2, at + 5
  elseif kind == 'c' then
    local in_flight = tonumber(values[f] or 0)
    said = said + 1
    reply[said] = in_flight
    if in_flight >= tonumber(ARGV[at + 2]) then allowed = false end
    writes[w + 1], writes[w + 2] = fields[f], in_flight + 1
    record[r + 1], record[r + 2] = 'c', id
    w, r, f, at = w + 2, r + 2, f + 1, at + 3
  else
    budget = budget + 1
    local window, cost, spent, held = windows[budget], tonumber(ARGV[at + 2]), values[f] or 0, values[f + 1] or 0
    -- Amounts go back as they are kept, as strings: ioredis reads integers beyond 2^53 - 48 inexactly.
    reply[said + 1], reply[said + 2], reply[said + 3] = (window - at) / 4 - 1, spent, held
    said = said + 3
    if spent + held + cost > tonumber(ARGV[window + 3]) then allowed = false end
    if not values[f] and not values[f + 1] then fresh[#fresh + 1], fresh[#fresh + 2] = at, window end
    writes[w + 1], writes[w + 2] = fields[f + 1], held + cost
    record[r + 1], record[r + 2], record[r + 3], record[r + 4] = 'b', id, cost, ARGV[window]
    w, r, f, at = w + 2, r + 4, f + 2, at + 4 + 4 * ARGV[at + 3]
  end
end

if repeated then
  reply[1] = 'repeated'
  return reply
end
if not allowed and mode ~= 'force' then
  reply[1] = 'denied'
  return reply
end
if mode == 'check' then return reply end

-- A budget that counts in a window for the first time remembers it, and forgets those that nobody can charge any more. The
-- latest settlement of a window comes when the last lease in it has run out and has been remembered.
local forgotten = {}
for i = 1, #fresh, 2 do
  local id, window = ARGV[fresh[i] + 1], fresh[i + 1]
  local known, is_known = {}, false
  for entry in string.gmatch(call('HGET', STATE, 'bw:' .. id) or '', '%S+') do
    local name, ends = string.match(entry, '^(.*)=(%d+)$')
    is_known = is_known or name == ARGV[window]
    known[#known + 1] = {entry, name, tonumber(ends)}
  end
  if not is_known then
    known[#known + 1] = {ARGV[window] .. '=' .. ARGV[window + 2], ARGV[window], tonumber(ARGV[window + 2])}
    local kept, excess = {}, #known - WINDOWS_KEPT_MAX
    for _, one in ipairs(known) do
      if excess > 0 and one[3] < now - FINAL_MEMORY_MS - LEASE_MS then
        excess = excess - 1
        forgotten[#forgotten + 1] = 'bs:' .. id .. ':' .. one[2]
        forgotten[#forgotten + 1] = 'br:' .. id .. ':' .. one[2]
      else
        kept[#kept + 1] = one[1]
      end
    end
    writes[w + 1], writes[w + 2] = 'bw:' .. id, table.concat(kept, ' ')
    w = w + 2
  end
end

call('HSET', STATE, unpack(writes))
if #forgotten > 0 then call('HDEL', STATE, unpack(forgotten)) end
if expiry == '' then
  call('HSET', RESERVATIONS, rid, cmsgpack.pack(HELD, record))
else
  call('HSET', RESERVATIONS, rid, cmsgpack.pack(HELD, record), rid .. '!', expiry)
end
call('ZADD', DUE, now + LEASE_MS, rid)
reply[2], reply[3] = writes[2], epoch or begin(rid)
return reply
