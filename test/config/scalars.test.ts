import t from 'tap'
import fc from 'fast-check'
import { durationMs, nanoPerToken } from '../../src/config/scalars.ts'

t.test('a duration is its number times its unit', async (t) => {
  t.equal(durationMs('500ms'), 500)
  t.equal(durationMs('5s'), 5_000)
  t.equal(durationMs('10m'), 600_000)
  t.equal(durationMs('24h'), 86_400_000)
})

t.test('what the schema would have refused is no duration', async (t) => {
  for (const text of ['', '5', '5 s', '0s', '-1s', '1.5s', '5d', '5S']) t.throws(() => durationMs(text), TypeError, text)
})

t.test('the seed model costs 2,000 and 6,000 nano-yuan per token', async (t) => {
  t.equal(nanoPerToken(0.002, 1_000), 2_000)
  t.equal(nanoPerToken(0.006, 1_000), 6_000)
})

t.test('prices are moved by digits, where multiplying would be off', async (t) => {
  t.not(0.00051 * 1e6, 510)
  t.equal(nanoPerToken(0.00051, 1_000), 510)
  t.equal(nanoPerToken(0.15, 1_000_000), 150)
})

t.test('every whole number of nano-units survives the way through a decimal price', async () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 999_999_999_999 }), (nano) => nanoPerToken(nano / 1e6, 1_000) === nano))
})

t.test('a price that is not exact per token is refused', async (t) => {
  t.throws(() => nanoPerToken(0.0000001, 1_000), RangeError)
  t.throws(() => nanoPerToken(0.0001, 1_000_000), RangeError)
  t.throws(() => nanoPerToken(1e21, 1_000), RangeError)
  t.throws(() => nanoPerToken(-1, 1_000), RangeError)
  t.throws(() => nanoPerToken(NaN, 1_000), RangeError)
})
