// As many steps as somebody has time for, over both stores: DASHGATE_LAW_OPERATIONS, a million where nothing is said.
import { lifeArbitrary } from './steps.ts'
import { liveInLockstep } from './lives.ts'
import { openSubjects } from './stores.ts'
import { uphold } from './run.ts'

const OPERATIONS = 1_000_000

const ends: (() => Promise<void>)[] = []
const subjects = await openSubjects({ teardown: (end) => { ends.push(end) } })
try {
  const name = `limits: ${subjects.map(({ name }) => name).join(' and ')} beside the model`
  await uphold({ name, arbitrary: lifeArbitrary, operationsMin: OPERATIONS, holds: (life) => liveInLockstep(life, subjects) })
} finally {
  for (const end of ends) await end()
}
