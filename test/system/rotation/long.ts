import t from 'tap'
import { rotateUnderLoad } from './client-keys.ts'

const TIMEOUT_MS = 300_000

t.setTimeout(TIMEOUT_MS)

// A rotation a second for a minute, at 200 requests a second.
t.test('sixty rotations in a minute refuse nobody', async (t) => {
  await rotateUnderLoad(t, { count: 60, requestsBetween: 200, graceMs: 6_000, requestsPerSecond: 200 })
})
