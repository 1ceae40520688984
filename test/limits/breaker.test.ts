import t from 'tap'
import { createBreaker } from '../../src/limits/breaker.ts'
import { createManualClock } from '../support/fixed.ts'

t.test('stops after five failures in a row', async (t) => {
  const breaker = createBreaker(createManualClock())
  t.strictSame(Array.from({ length: 5 }, () => breaker.failed()), [false, false, false, false, true])
})

t.test('begins to count the row anew with each success', async (t) => {
  const breaker = createBreaker(createManualClock())
  for (let round = 0; round < 2; round++) {
    for (let failures = 0; failures < 4; failures++) t.equal(breaker.failed(), false)
    breaker.succeeded()
  }
})

t.test('stops when more than half of at least twenty calls within a second fail', async (t) => {
  const breaker = createBreaker(createManualClock())
  const verdicts: boolean[] = []
  for (let calls = 0; calls < 9; calls++) {
    breaker.succeeded()
    verdicts.push(breaker.failed())
  }
  breaker.succeeded()
  // The twentieth call makes it half of them, the twenty-first more than half.
  verdicts.push(breaker.failed())
  t.ok(verdicts.every((verdict) => !verdict), 'half is not too much')
  t.equal(breaker.failed(), true)
})

t.test('forgets what is older than a second', async (t) => {
  const clock = createManualClock()
  const breaker = createBreaker(clock)
  for (let calls = 0; calls < 12; calls++) {
    breaker.failed()
    if (calls % 3 === 2) breaker.succeeded()
  }
  clock.advance(1_000)
  for (let calls = 0; calls < 8; calls++) breaker.succeeded()
  t.equal(breaker.failed(), false, 'twelve failures of twenty-five are too old to count')
})

t.test('knows nothing any more after a reset', async (t) => {
  const breaker = createBreaker(createManualClock())
  for (let calls = 0; calls < 4; calls++) breaker.failed()
  breaker.reset()
  t.equal(breaker.failed(), false)
})
