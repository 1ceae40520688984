import t from 'tap'
import { secondsUpTo } from '../../src/cli/times.ts'

const read = secondsUpTo(30 * 86_400)

t.test('a duration has a unit, but for none at all', async (t) => {
  t.same(['0', '90s', '30m', '12h', '30d'].map(read), [0, 90, 1_800, 43_200, 2_592_000])
})

t.test('anything else is refused', async (t) => {
  for (const text of ['', '5', '5 m', '-1h', '1.5h', '31d', '2w', '1h30m', '9999999999s']) t.throws(() => read(text), /must be a duration/, text)
})
