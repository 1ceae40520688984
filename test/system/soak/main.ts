// The soak at its full size, over one store after the other. Ends with exit code 1 on any difference.
// Arguments: --store embedded|redis (both) --requests 100000 --rounds 8 --seed 1
import { parseArgs } from 'node:util'
import { FULL } from './scene.ts'
import { reportOf } from './report.ts'
import { soak } from './soak.ts'
import { STORES } from './stores.ts'
import type { StoreName } from './stores.ts'

const FAULTS_SHOWN_MAX = 50
const LOG_LINES_SHOWN_MAX = 40

const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    requests: { type: 'string', default: String(FULL.requests) },
    rounds: { type: 'string', default: String(FULL.rounds) },
    seed: { type: 'string', default: '1' }
  }
})
const size = { ...FULL, requests: Number(values.requests), rounds: Number(values.rounds) }
const seed = Number(values.seed)
for (const store of Object.keys(STORES).filter((name) => name === (values.store ?? name)) as StoreName[]) {
  console.log(`${store}: seed ${seed}, ${size.requests} requests`)
  const run = await soak({ store, size, seed, told: (what) => console.log(`  ${what}`) })
  for (const line of reportOf(run)) console.log(line)
  const faults = [...run.faults, ...run.audit.faults]
  for (const fault of faults.slice(0, FAULTS_SHOWN_MAX)) console.error(fault)
  if (faults.length === 0) continue
  for (const line of run.logs.join('').split('\n').slice(-LOG_LINES_SHOWN_MAX)) console.error(line)
  process.exitCode = 1
}
