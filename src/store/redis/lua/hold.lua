-- ARGV: now, for how long.
local state = call('HMGET', STATE, 'v', 'e', 'h')
local version, hold = (state[1] or 0) + 1, math.max(tonumber(state[3] or 0), now + ARGV[2])
call('HSET', STATE, 'v', version, 'h', hold)
return {'held', version, state[2] or begin('hold'), hold, now}
