/* eslint no-template-curly-in-string: off -- these are pieces of source text */
import type { Mutant } from './mutant.ts'

const RESERVE = 'src/store/redis/lua/reserve.lua'
const SETTLE = 'src/store/redis/lua/settle.lua'
const SWEEP = 'src/store/redis/lua/sweep.lua'
const RENEW = 'src/store/redis/lua/renew.lua'
const STORE = 'src/store/redis/limits.ts'
const HOLD = 'src/store/redis/lua/hold.lua'
const RECORD = 'src/store/redis/lua/record.lua'
const PACKED = 'src/store/redis/packed-record.ts'

/** Bugs of the store in Redis. */
export const REDIS_MUTANTS: readonly Mutant[] = [
  { bug: 'what is held is written by tostring, which rounds', file: RESERVE, from: 'fields[f + 1], held + cost', to: 'fields[f + 1], tostring(held + cost)' },
  { bug: 'what is spent is written by .., which rounds', file: SETTLE, from: 'fields[f], (values[f] or 0) + actual', to: 'fields[f], \'\' .. ((values[f] or 0) + actual)' },
  { bug: 'a settlement is not remembered', file: SETTLE, from: 'call(\'HSET\', FINALS, rid, entry)', to: '' },
  { bug: 'a void before its reservation does not keep it from being granted', file: RESERVE, from: 'if call(\'HEXISTS\', FINALS, rid) == 1 then', to: 'if false then' },
  { bug: 'an ended reservation stays', file: SETTLE, from: '  call(\'HDEL\', RESERVATIONS, rid, rid .. \'!\')\n', to: '' },
  { bug: 'an ended reservation’s lease stays', file: SETTLE, from: '  call(\'ZREM\', DUE, rid)\n', to: '' },
  { bug: 'what is held is ignored', file: RESERVE, from: 'spent + held + cost >', to: 'spent + cost >' },
  { bug: 'a budget’s last unit is never granted', file: RESERVE, from: 'spent + held + cost >', to: 'spent + held + cost >=' },
  { bug: 'one place too many', file: RESERVE, from: 'in_flight >= tonumber', to: 'in_flight > tonumber' },
  { bug: 'a bucket’s last token is never granted', file: RESERVE, from: 'if level < 0 then', to: 'if level <= 0 then' },
  { bug: 'a clock that goes back drains buckets', file: RESERVE, from: 'if now > time then level', to: 'if true then level' },
  { bug: 'a bucket’s time goes back, and what flowed in flows in again', file: SETTLE, from: 'math.max(now, time)', to: 'now' },
  { bug: 'a refund lifts a bucket above its burst', file: SETTLE, from: 'math.min(burst, math.max(0 - burst, level))', to: 'math.max(0 - burst, level)' },
  { bug: 'a debt has no floor', file: SETTLE, from: 'math.min(burst, math.max(0 - burst, level))', to: 'math.min(burst, level)' },
  { bug: 'a forced debt has no floor', file: RESERVE, from: 'if level < -burst then level = 0 - burst end', to: '' },
  { bug: 'a window contains its own end', file: RESERVE, from: 'now < tonumber(ARGV[window + 2])', to: 'now <= tonumber(ARGV[window + 2])' },
  { bug: 'a window begins after its start', file: RESERVE, from: 'tonumber(ARGV[window + 1]) <= now', to: 'tonumber(ARGV[window + 1]) < now' },
  { bug: 'the gateway’s clock chooses the window', file: RESERVE, from: 'while window < after and not (tonumber(ARGV[window + 1]) <= now and now < tonumber(ARGV[window + 2])) do window = window + 4 end', to: 'if window + 4 < after then window = window + 4 end' },
  { bug: 'a settlement charges the window that the call names', file: SETTLE, from: '(record and record[r + 3] or ARGV[at + 2])', to: 'ARGV[at + 2]' },
  { bug: 'a late settlement is charged on top of the expiry', file: SETTLE, from: '(actual - (record and record[r + 2] or 0))', to: 'actual' },
  { bug: 'what was used is released instead of what was held', file: SETTLE, from: '(values[f + 1] or 0) - record[r + 2]', to: '(values[f + 1] or 0) - actual' },
  { bug: 'what nobody reserved is not charged', file: SETTLE, from: '(actual - (record and record[r + 2] or 0))', to: '(record and actual - record[r + 2] or 0)' },
  { bug: 'a place is not given back', file: SETTLE, from: '(values[f] or 0) - 1', to: '(values[f] or 0) - 0' },
  { bug: 'an expiry charges nothing', file: SWEEP, from: '      change(\'bs:\' .. name, cost)\n', to: '' },
  { bug: 'an expiry charges twice', file: SWEEP, from: 'change(\'bs:\' .. name, cost)', to: 'change(\'bs:\' .. name, cost + cost)' },
  { bug: 'an expiry releases nothing', file: SWEEP, from: '      change(\'br:\' .. name, 0 - cost)\n', to: '' },
  { bug: 'an expiry keeps its place', file: SWEEP, from: '      change(\'c:\' .. id, -1)\n', to: '' },
  { bug: 'an expired reservation is forgotten by its expiry, not by its birth ahead', file: SWEEP, from: 'math.max(now, record[1])', to: 'now' },
  { bug: 'a repeated reservation’s lease is not extended', file: RESERVE, from: '    call(\'ZADD\', DUE, now + LEASE_MS, rid)\n    repeated', to: '    repeated' },
  { bug: 'a renewal extends no lease', file: RENEW, from: 'if #leases > 0 then', to: 'if false then' },
  { bug: 'a renewal does not look for all that is final', file: STORE, from: '[-4, -3, -2, -1, 0, 1, 2]', to: '[-1, 0, 1]' },
  { bug: 'a sweep has no bound', file: SWEEP, from: '0, SWEEP_RESERVATIONS_MAX', to: '0, 1000' },
  { bug: 'a reservation does not sweep', file: RESERVE, from: '  sweep()\n', to: '' },
  { bug: 'a lease ends one millisecond late', file: SWEEP, from: '\'-inf\', now,', to: '\'-inf\', now - 1,' },
  { bug: 'the version does not count expiries', file: SWEEP, from: '  call(\'HINCRBY\', STATE, \'v\', #rids)\n', to: '' },
  { bug: 'a force checks', file: RESERVE, from: 'if not allowed and mode ~= \'force\' then', to: 'if not allowed then' },
  { bug: 'a refusal takes all the same', file: RESERVE, from: '  reply[1] = \'denied\'\n', to: '  reply[1] = \'denied\'\n  call(\'HSET\', STATE, unpack(writes))\n' },
  { bug: 'a check takes', file: RESERVE, from: 'if mode == \'check\' then return reply end', to: '' },
  { bug: 'a hold is ignored', file: RESERVE, from: 'tonumber(hold) > now', to: 'false' },
  { bug: 'a repeated reservation is held up by a hold', file: RESERVE, from: ' and not repeated and', to: ' and' },
  { bug: 'a shorter hold ends a longer one', file: HOLD, from: 'math.max(former, now + ARGV[4])', to: 'now + ARGV[4]' },
  { bug: 'old is one millisecond too early', file: SETTLE, from: 'age > FINAL_MEMORY_MS', to: 'age >= FINAL_MEMORY_MS' },
  { bug: 'a reservation that lay in a buffer is granted', file: RESERVE, from: ' or (mode == \'reserve\' and age > BIRTH_MS_MAX)', to: '' },
  { bug: 'a window is dropped while it may still be charged', file: RESERVE, from: 'now - FINAL_MEMORY_MS - LEASE_MS then', to: 'now then' },
  { bug: 'a dropped window leaves what was held of it', file: RESERVE, from: '        forgotten[#forgotten + 1] = \'br:\' .. id .. \':\' .. one[2]\n', to: '' },
  { bug: 'a settlement’s record is lost', file: SETTLE, from: 'if written ~= \'\' then', to: 'if false then' },
  { bug: 'an expiry’s record is not written', file: SWEEP, from: 'if expiry then', to: 'if false then' },
  { bug: 'a late settlement’s record comes beside that of the expiry', file: SETTLE, from: '  call(\'XDEL\', EVENTS, call(\'HGET\', key, rid) or \'0-0\')\n', to: '' },
  { bug: 'what was corrected can still be found as expired', file: SETTLE, from: '  call(\'HDEL\', key, rid)\n', to: '' },
  { bug: 'the sums of an expiry are not taken back', file: SETTLE, from: '  add_up(expiry, -1)\n', to: '' },
  { bug: 'what a held reservation would write is taken back', file: SETTLE, from: 'form == EXPIRED and call(\'HGET\'', to: 'packed and call(\'HGET\'' },
  { bug: 'what a grant would write is not kept', file: RESERVE, from: 'if expiry == \'\' then', to: 'if true then' },
  { bug: 'a repetition is summed up again', file: SETTLE, from: 'if status then\n', to: 'if status == \'repeated\' and written ~= \'\' then add_up(written, 1) end\nif status then\n' },
  { bug: 'a record is in no sum', file: RECORD, from: 'call(\'HSET\', key, field, struct.pack', to: 'local _ = (struct.pack' },
  { bug: 'a record is summed up twice', file: SETTLE, from: '\'record\', add_up(written, 1))', to: '\'record\', add_up(written, add_up(written, 1) and 1))' },
  { bug: 'sums forget what was there', file: RECORD, from: 'local row = known or', to: 'local row = sign < 0 and known or' },
  { bug: 'sums are written by tostring, which rounds', file: RECORD, from: 's8 + sign * a8', to: 'tonumber(tostring(s8 + sign * a8))' },
  { bug: 'the bucket of a duration is that of the next', file: RECORD, from: '1 + DURATIONS_AT + 4 * took', to: '5 + DURATIONS_AT + 4 * took' },
  { bug: 'all first contents are of one bucket', file: RECORD, from: '1 + FIRST_CONTENTS_AT + 4 * first', to: '1 + FIRST_CONTENTS_AT' },
  { bug: 'all hours of a day are one', file: PACKED, from: '${hourMs % DAY_MS / HOUR_MS}|', to: '0|' },
  { bug: 'more claims than charges are settled', file: SETTLE, from: '(not matches or record[r])', to: 'not matches' },
  { bug: 'every settlement begins a new life', file: SETTLE, from: 'epoch or begin(rid)', to: 'begin(rid)' }
]
