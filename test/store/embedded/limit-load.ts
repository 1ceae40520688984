// A gateway's worth of reservations and settlements on the folder that is named, until somebody ends the process. It says what
// was acknowledged, a line each: "r <request id> <cost>" and "s <request id> <cost>".
import { createEmbeddedLimitStore } from '../../../src/store/embedded/limits.ts'
import { NO_END } from '../../../src/limits/claim.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'
import { expiryOf, recordOf, TEAM } from '../limit-scene.ts'
import { systemClock } from '../../../src/system.ts'
import { writeSync } from 'node:fs'
import type { Claim } from '../../../src/limits/claim.ts'

const WORKERS = 16
/** If nobody ends it before. */
const REQUESTS_PER_WORKER_MAX = 20_000

const [folder = '', run = ''] = process.argv.slice(2)
const store = createEmbeddedLimitStore(openDatabase(folder), systemClock)

async function serve (requestId: string, cost: number): Promise<void> {
  const rid = `${requestId}#1`
  const bornMs = systemClock.nowMs()
  const claims: Claim[] = [
    { kind: 'concurrency', id: 'cc', limit: WORKERS * 2 },
    { kind: 'budget', id: 'total', cost: 2 * cost, windows: [{ id: 'total', startMs: 0, endMs: NO_END, amount: 2 ** 50 }] }
  ]
  const { status } = await store.reserve({ team: TEAM, rid, bornMs, claims, mode: 'reserve', expiry: expiryOf(rid, { costNano: 2 * cost }) })
  if (status !== 'granted') throw new Error(`it was ${status}`)
  writeSync(1, `r ${requestId} ${cost}\n`)
  const charges = [{ kind: 'concurrency', id: 'cc' }, { kind: 'budget', id: 'total', windowId: 'total', cost }] as const
  await store.settle({ team: TEAM, rid, bornMs, charges, record: recordOf({ requestId, costNano: cost }) })
  writeSync(1, `s ${requestId} ${cost}\n`)
}

await Promise.all(Array.from({ length: WORKERS }, async (_, worker) => {
  for (let request = 0; request < REQUESTS_PER_WORKER_MAX; request++) await serve(`${run}-${worker}-${request}`, 1 + (request % 50))
}))
