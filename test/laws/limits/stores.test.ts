import t from 'tap'
import { lifeArbitrary, mortalLifeArbitrary } from './steps.ts'
import { liveInLockstep } from './lives.ts'
import { openSubjects, TEST_TIMEOUT_MS } from './stores.ts'
import { uphold } from './run.ts'
import { watchLife } from './watch.ts'

t.setTimeout(TEST_TIMEOUT_MS)
const subjects = await openSubjects(t)
const names = subjects.map(({ name }) => name).join(' and ')

t.test(`${names} answer as the model does, and become the same`, async () => {
  await uphold({ name: `limits: ${names} beside the model`, arbitrary: lifeArbitrary, operationsMin: 50_000, holds: (life) => liveInLockstep(life, subjects) })
})

for (const subject of subjects) {
  t.test(`${subject.name}: every invariant holds of every step`, async () => {
    await uphold({ name: `limits: invariants of ${subject.name}`, arbitrary: lifeArbitrary, operationsMin: 2_000, holds: (life) => watchLife(life, subject) })
  })
}

const mortals = subjects.filter(({ keepsLeases }) => !keepsLeases)
t.test('a store whose process dies goes on with all but the leases', { skip: mortals.length === 0 }, async () => {
  await uphold({ name: 'limits: restarts', arbitrary: mortalLifeArbitrary, operationsMin: 5_000, holds: (life) => liveInLockstep(life, mortals) })
})
