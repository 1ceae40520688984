import t from 'tap'
import { reasonToSkipRedis } from '../../support/redis.ts'
import { reportOf } from './report.ts'
import { SHORT } from './scene.ts'
import { soak } from './soak.ts'
import type { Soak } from './soak.ts'
import type { StoreName } from './stores.ts'
import type { Test } from 'tap'

const SEED = Number(process.env['DASHGATE_SEED'] ?? Date.now() % 1_000_000)
const FAULTS_SHOWN_MAX = 20

t.setTimeout(240_000)
// The leases of a gateway that was killed take half a minute to run out in Redis, and time for the other store.
t.jobs = 2

t.test('every request is in the embedded store\'s books once, whatever becomes of it and of the gateway', async (t) => {
  await check(t, 'embedded')
})

t.test('and in Redis\'s, of three gateways, whatever is cut and whoever dies', { skip: await reasonToSkipRedis() }, async (t) => {
  const { cuts } = await check(t, 'redis')
  t.ok(cuts !== undefined && cuts.anytime + cuts.command + cuts.answer > 0, 'connections were cut')
})

async function check (t: Test, store: StoreName): Promise<Soak> {
  t.comment(`seed ${SEED}; DASHGATE_SEED=${SEED} makes the same requests again`)
  const run = await soak({ store, size: SHORT, seed: SEED, told: () => {} })
  for (const line of reportOf(run)) t.comment(line)
  const { audit, faults, endings, upstreamFaults } = run
  t.strictSame(faults, [], 'every gateway ended as it was asked to, and left nothing behind')
  t.strictSame(audit.faults.slice(0, FAULTS_SHOWN_MAX), [], 'ledger, hours, budgets, clients and upstream agree')
  for (const how of ['answered', 'failed', 'refused', 'broken', 'lost', 'left'] as const) t.ok((endings.get(how) ?? 0) > 0, `some were ${how}`)
  for (const outcome of ['completed', 'failed', 'client_closed', 'expired']) t.ok((audit.outcomes.get(outcome) ?? 0) > 0, `some are recorded as ${outcome}`)
  t.ok(upstreamFaults.size >= 10, 'the upstream failed in many ways')
  return run
}
