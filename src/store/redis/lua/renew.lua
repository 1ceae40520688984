-- ARGV: now, how long things are kept, and the rids. From KEYS[5] on: what is final of all hours that can still be asked for.
local RIDS = 4
local swept = sweep()
local state = call('HMGET', STATE, 'v', 'e', 'h')
local reply = {swept, state[1] or 0, state[2] or '', state[3] or 0, now}
if #ARGV < RIDS then return reply end

local leases, unknown = {}, {}
for i, packed in ipairs(call('HMGET', RESERVATIONS, unpack(ARGV, RIDS))) do
  if not packed then
    unknown[#unknown + 1] = ARGV[RIDS + i - 1]
  elseif string.byte(packed) == HELD then
    leases[#leases + 1] = now + LEASE_MS
    leases[#leases + 1] = ARGV[RIDS + i - 1]
  end
end
if #leases > 0 then call('ZADD', DUE, unpack(leases)) end

for key = 5, #KEYS do
  if #unknown == 0 then return reply end
  local left = {}
  for i, final in ipairs(call('HMGET', KEYS[key], unpack(unknown))) do
    if not final then left[#left + 1] = unknown[i] end
  end
  unknown = left
end
for _, rid in ipairs(unknown) do reply[#reply + 1] = rid end
return reply
