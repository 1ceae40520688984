-- KEYS: the refusals of one hour. ARGV: how many it may hold, for how long, and request id and record, again and again.
local room = ARGV[1] - redis.call('HLEN', KEYS[1])
for i = 3, #ARGV, 2 do
  if room > 0 then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
  room = room - 1
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return math.max(0, 0 - room)
