import t from 'tap'
import fc from 'fast-check'
import { decimalOfNano, exactUnits, MONEY_DECIMALS } from '../../src/core/money.ts'

t.test('an amount becomes nano-units by its digits', async (t) => {
  t.equal(exactUnits(300, MONEY_DECIMALS), 300_000_000_000)
  t.equal(exactUnits(0.3, MONEY_DECIMALS), 300_000_000)
  t.equal(exactUnits(12.345678901, MONEY_DECIMALS), 12_345_678_901)
  t.equal(exactUnits(1e-9, MONEY_DECIMALS), 1)
  t.equal(exactUnits(4_503_599, MONEY_DECIMALS), 4_503_599_000_000_000)
  t.equal(exactUnits(0, MONEY_DECIMALS), 0)
})

t.test('what is not exact is refused', async (t) => {
  for (const amount of [1e-10, 0.1234567891, 1 / 3, -1, -0.1, NaN, Infinity, 1e21, 1e10]) {
    t.throws(() => exactUnits(amount, MONEY_DECIMALS), RangeError, String(amount))
  }
  t.throws(() => exactUnits(0.5, 0), RangeError)
})

t.test('nano-units are shown with all their decimals and no idle ones', async (t) => {
  t.strictSame([0, 1, 500_000_000, 12_345_678_901, 300_000_000_000, Number.MAX_SAFE_INTEGER].map(decimalOfNano),
    ['0', '0.000000001', '0.5', '12.345678901', '300', '9007199.254740991'])
})

t.test('every amount of nano-units survives being shown and read', async () => {
  fc.assert(fc.property(fc.maxSafeNat(), (nano) => {
    const [whole, fraction = ''] = decimalOfNano(nano).split('.')
    return BigInt(`${whole}${fraction.padEnd(MONEY_DECIMALS, '0')}`) === BigInt(nano)
  }))
})

t.test('every amount that settings may hold survives being written as a number', async () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4_194_304_000_000_000 }), (nano) => exactUnits(Number(decimalOfNano(nano)), MONEY_DECIMALS) === nano))
})
