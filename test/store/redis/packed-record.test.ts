import t from 'tap'
import { dayOf, DURATIONS_AT, packed, RECORD_PATTERN, ROW_BYTES, usageHourOf } from '../../../src/store/redis/packed-record.ts'
import { LATENCY_BUCKETS } from '../../../src/metering/rollups.ts'
import { recordOf } from '../limit-scene.ts'

const DAY_MS = 86_400_000
const TIME_MS = 20_000 * DAY_MS + 13 * 3_600_000 + 59 * 60_000

t.test('a record is packed with what it adds to its hour, and its JSON as it is', async (t) => {
  const record = recordOf({ timeMs: TIME_MS, durationMs: 900, firstContentMs: 120, upstreamRequestId: 'a\nb "ü"' })
  const [line = '', json = ''] = packed(record).split(/\n(.*)/s)
  t.equal(line, '20000 5 2 1 0 0 85 64 250 10 1670000 900 13|abcdefgh|CNY|qwen-coder-turbo')
  t.equal(json, JSON.stringify(record))
  t.match(packed(recordOf({ timeMs: TIME_MS, outcome: 'expired', firstContentMs: undefined })), /^20000 0 0 1 1 0 /)
})

t.test('amounts are written in full, however large', async (t) => {
  t.match(packed(recordOf({ costNano: Number.MAX_SAFE_INTEGER })), ` ${Number.MAX_SAFE_INTEGER} `)
})

t.test('the pattern of the scripts has a place for everything, and no more than Lua can hold', async (t) => {
  const numbers = packed(recordOf()).split('\n', 1)[0]?.split(' ').length ?? 0
  t.equal(RECORD_PATTERN.match(/\(/g)?.length, numbers + 1)
  t.ok(numbers + 1 <= 32)
})

t.test('a day begins at midnight in UTC', async (t) => {
  t.same([dayOf(0), dayOf(DAY_MS - 1), dayOf(DAY_MS), dayOf(TIME_MS)], [0, 0, 1, 20_000])
})

t.test('a kept hour is read as it was written', async (t) => {
  const row = Buffer.alloc(ROW_BYTES, 0xff)
  for (let place = 0; place < 9; place++) row.writeDoubleLE(place === 7 ? Number.MAX_SAFE_INTEGER : place + 1, 8 * place)
  row.fill(0, DURATIONS_AT + 8, ROW_BYTES - 4)
  row.writeUInt32LE(7, ROW_BYTES - 4)
  const hour = usageHourOf('23|k1||a|b', row, { team: 'search', day: 20_000 })
  t.match(hour, { team: 'search', hourMs: 20_000 * DAY_MS + 23 * 3_600_000, keyId: 'k1', model: 'a|b', currency: undefined })
  t.match(hour.counts, { requests: 1, errors: 2, estimated: 3, inputTokens: 4, cachedTokens: 5, outputTokens: 6, reasoningTokens: 7, costNano: Number.MAX_SAFE_INTEGER, durationMs: 9 })
  t.same(hour.counts.durations, [2 ** 32 - 1, ...Array.from({ length: LATENCY_BUCKETS - 1 }, () => 0)])
  t.same(hour.counts.firstContents, [...Array.from({ length: LATENCY_BUCKETS - 1 }, () => 0), 7])
})
