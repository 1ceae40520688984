import t from 'tap'
import { CLAIMS_MAX_HERE, claimsContract } from '../claims-contract.ts'
import { createEmbeddedClaims } from '../../../src/store/embedded/claims.ts'
import { createManualClock } from '../../support/fixed.ts'
import { newDataFolder } from './data-folder.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'

t.test('the embedded store keeps claims', async (t) => {
  await claimsContract(t, async (t) => {
    const database = openDatabase(newDataFolder(t))
    t.teardown(() => database.close())
    const clock = createManualClock()
    const open = () => createEmbeddedClaims(database, clock, CLAIMS_MAX_HERE)
    return { claims: open(), other: open(), async passed (_name, lifeMs) { clock.advance(lifeMs) } }
  })
})

t.test('a claim is still there when the gateway starts again', async (t) => {
  const folder = newDataFolder(t)
  const clock = createManualClock()
  const database = openDatabase(folder)
  await createEmbeddedClaims(database, clock).claim('a', 'mine', 1_000)
  database.close()
  const again = openDatabase(folder)
  t.same(await createEmbeddedClaims(again, clock).claim('a', 'theirs', 1_000), { status: 'taken', text: 'mine' })
  again.close()
})
