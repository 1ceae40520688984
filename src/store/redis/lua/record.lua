-- Adds a packed record to the sums of its hour, or takes it out of them again, and returns its JSON. packed-record.ts says how a
-- record is packed and how sums are kept. The hash is that of the record's own day, whichever that is: its key has the hash tag of
-- all the team's keys.
local function add_up (packed, sign)
  local day, took, first, a1, a2, a3, a4, a5, a6, a7, a8, a9, field, json_at = string.match(packed, RECORD_PATTERN)
  local key = string.sub(KEYS[1], 1, -2) .. 'u:' .. day
  local known = call('HGET', key, field)
  if known or sign > 0 then
    local row = known or string.rep('\0', ROW_BYTES)
    local s1, s2, s3, s4, s5, s6, s7, s8, s9 = struct.unpack('<ddddddddd', row)
    local t, f = 1 + DURATIONS_AT + 4 * took, 1 + FIRST_CONTENTS_AT + 4 * first
    call('HSET', key, field, struct.pack('<ddddddddd', s1 + sign * a1, s2 + sign * a2, s3 + sign * a3, s4 + sign * a4, s5 + sign * a5,
      s6 + sign * a6, s7 + sign * a7, s8 + sign * a8, s9 + sign * a9) ..
      string.sub(row, 1 + DURATIONS_AT, t - 1) .. struct.pack('<I4', struct.unpack('<I4', row, t) + sign) ..
      string.sub(row, t + 4, f - 1) .. struct.pack('<I4', struct.unpack('<I4', row, f) + sign) .. string.sub(row, f + 4))
    if not known then call('PEXPIRE', key, (day + 1) * DAY_MS + USAGE_KEPT_MS - now) end
  end
  return string.sub(packed, json_at)
end
