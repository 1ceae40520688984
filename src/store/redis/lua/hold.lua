-- ARGV: now, how long things are kept, and for how long budgets are on hold.
local state = call('HMGET', STATE, 'v', 'e', 'h')
-- One that is further ahead than any can be is left from a clock that has been put right.
local former = tonumber(state[3] or 0)
if former - now > HOLD_MS_MAX then former = 0 end
local version, hold = (state[1] or 0) + 1, math.max(former, now + ARGV[4])
call('HSET', STATE, 'v', version, 'h', hold)
return {'held', version, state[2] or begin('hold'), hold, now}
