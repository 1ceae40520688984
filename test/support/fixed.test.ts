import t from 'tap'
import { createCountedIds, createManualClock, createSeededRandom } from './fixed.ts'

t.test('time stands still until it is told to go on', async (t) => {
  const clock = createManualClock(1_000)
  t.same([clock.nowMs(), clock.monotonicMs()], [1_000, 0])
  clock.advance(250)
  t.same([clock.nowMs(), clock.monotonicMs()], [1_250, 250])
  t.throws(() => clock.advance(-1), { name: 'RangeError' })
  t.throws(() => clock.advance(NaN), { name: 'RangeError' })
})

t.test('timers are called in the order they fall due, each at its own time', async (t) => {
  const clock = createManualClock(0)
  const calls: string[] = []
  const note = (name: string) => (): void => { calls.push(`${name}@${clock.nowMs()}`) }
  clock.setTimer(30, note('c'))
  clock.setTimer(10, note('a'))
  clock.setTimer(10, note('b'))
  const stop = clock.setTimer(20, note('stopped'))
  clock.setTimer(15, () => { clock.setTimer(5, note('nested')) })
  clock.setTimer(31, note('late'))
  stop()
  clock.advance(30)
  t.same(calls, ['a@10', 'b@10', 'nested@20', 'c@30'])
  t.equal(clock.pending, 1)
})

t.test('a timer that never lets time go on is an error', async (t) => {
  const clock = createManualClock()
  const again = (): void => { clock.setTimer(0, again) }
  again()
  t.throws(() => clock.advance(1), /timers fell due/)
})

t.test('ids count, and random numbers repeat', async (t) => {
  const ids = createCountedIds()
  t.same([ids.requestId(), ids.requestId()], ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'])
  const draw = (seed: number): number[] => Array.from({ length: 1_000 }, createSeededRandom(seed))
  t.same(draw(5), draw(5))
  t.notSame(draw(5), draw(6))
  t.ok(draw(5).every((number) => number >= 0 && number < 1))
  t.equal(new Set(draw(5)).size, 1_000)
})
