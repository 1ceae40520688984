import t from 'tap'
import { KEYS_MAX_HERE, idempotencyContract } from '../idempotency-contract.ts'
import { createEmbeddedIdempotency } from '../../../src/store/embedded/idempotency.ts'
import { createManualClock } from '../../support/fixed.ts'
import { newDataFolder } from './data-folder.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'

t.test('the embedded store keeps Idempotency-Keys', async (t) => {
  await idempotencyContract(t, async (t) => {
    const database = openDatabase(newDataFolder(t))
    t.teardown(() => database.close())
    const clock = createManualClock()
    const open = () => createEmbeddedIdempotency(database, clock, KEYS_MAX_HERE)
    return { store: open(), other: open(), async passed (_name, lifeMs) { clock.advance(lifeMs) } }
  })
})

t.test('a key is still there when the gateway starts again', async (t) => {
  const folder = newDataFolder(t)
  const clock = createManualClock()
  const database = openDatabase(folder)
  await createEmbeddedIdempotency(database, clock).take('a', 'mine', 1_000)
  database.close()
  const again = openDatabase(folder)
  t.same(await createEmbeddedIdempotency(again, clock).take('a', 'theirs', 1_000), { status: 'known', text: 'mine' })
  again.close()
})
