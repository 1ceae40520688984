import t from 'tap'
import { anyOrderIsOne, orderArbitrary, undoingArbitrary, voidUndoes } from './orders.ts'
import { openSubjects, TEST_TIMEOUT_MS } from './stores.ts'
import { replayRestores, rollbackArbitrary } from './rollback.ts'
import { uphold } from './run.ts'

t.setTimeout(TEST_TIMEOUT_MS)
const subjects = await openSubjects(t)

t.test('I6: any order of reservations, settlements, voids and expiries of one request comes to what the first of them says', async () => {
  await uphold({ name: 'limits: orders', arbitrary: orderArbitrary, operationsMin: 3_000, holds: (order) => anyOrderIsOne(order, subjects) })
})

t.test('I10: a reservation and its void leave everything as it was', async () => {
  await uphold({ name: 'limits: voids', arbitrary: undoingArbitrary, operationsMin: 6_000, holds: (undoing) => voidUndoes(undoing, subjects) })
})

for (const subject of subjects) {
  t.test(`I16, I17: ${subject.name} rolled back to any state is noticed, and replays restore what is spent and what is final`, async () => {
    await uphold({ name: `limits: rollbacks of ${subject.name}`, arbitrary: rollbackArbitrary, operationsMin: 4_000, holds: (rollback) => replayRestores(rollback, subject) })
  })
}
