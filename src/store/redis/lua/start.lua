-- What every script begins with. ARGV: the time in ms, or 0 for the server's own; how long records are kept, and how long sums.
local call, ARGV = redis.call, ARGV
local STATE, DUE, RESERVATIONS, EVENTS, FINALS = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
-- The first byte of a reservation; what follows is {born, '', what was taken of each limit ...} in MessagePack. What its expiry
-- writes into the ledger is a packed record under the same name with a '!', so that nobody reads it who need not.
local HELD, EXPIRED = 1, 2
local now, LEDGER_KEPT_MS, USAGE_KEPT_MS = tonumber(ARGV[1]), ARGV[2], ARGV[3]
if now == 0 then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Small hashes are kept as one string that is searched from its start for every field, which gets slow at a few hundred fields.
-- One value of more than 64 characters makes Redis keep a table from the beginning.
local ABOUT = 'What DashGate counts for one team. Amounts are whole numbers; a wrong one is a wrong bill. Time is in ms.'

-- Names the life of the state, with the first of all changes.
local function begin (by)
  local epoch = string.format('%.0f-%s', now, by)
  call('HSET', STATE, 'e', epoch, 'about', ABOUT)
  return epoch
end
