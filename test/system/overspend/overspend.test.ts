import t from 'tap'
import { prove } from './proof.ts'
import { reasonToSkipRedis } from '../../support/redis.ts'
import { reportOf } from './report.ts'
import { SHORT } from './scene.ts'

const SEED = Number(process.env['DASHGATE_SEED'] ?? Date.now() % 1_000_000)
const SAMPLES_MIN = 200
const SPENT_SHARE_MIN = 0.99
const LOG_LINES_SHOWN_MAX = 100

t.setTimeout(180_000)

t.test('nobody overspends and nothing is stranded, whatever is cut and whoever dies', { skip: await reasonToSkipRedis() }, async (t) => {
  t.comment(`seed ${SEED}; DASHGATE_SEED=${SEED} makes the same requests again`)
  const proof = await prove(SHORT, SEED)
  for (const line of reportOf(proof)) t.comment(line)
  const { watched, audits, endings, figures, cuts, checkThenAct, logs } = proof
  const sum = (pick: (audit: typeof audits[number]) => number): number => audits.reduce((total, audit) => total + pick(audit), 0)

  t.ok(watched.samples >= SAMPLES_MIN, 'the counters were looked at all the time')
  t.strictSame(watched.violations, [], 'in no sample was more spent and held, or under way, than is allowed')
  t.strictSame(audits.flatMap(({ faults }) => faults), [], 'the books agree with the upstream and the clients, to the token')
  for (const { budgets } of audits) {
    const share = Math.max(...budgets.map(({ spent, max }) => spent / max))
    t.ok(share >= SPENT_SHARE_MIN && share <= 1, `${budgets[0]?.budget}: the budget could be used up`)
  }
  t.equal(endings.failed, 0, 'every answer was one of those that are foreseen')
  t.equal(figures.get('dashgate_settlements_lost_total') ?? 0, 0, 'no settlement was given up')
  t.equal(figures.get('dashgate_store_rollback_total'), 0, 'nobody took a cut connection for a loss')

  t.ok(cuts.anytime > 0 && cuts.command > 0 && cuts.answer > 0, 'connections were cut at every moment')
  t.ok(sum(({ unaccounted }) => unaccounted.length) > 0, 'some requests were lost with their gateway')
  t.ok(sum(({ late }) => late) > 0, 'some were settled after their leases had run out')
  t.ok((figures.get('dashgate_store_repeated_total') ?? 0) > 0, 'some were settled twice, of which once counted')

  const overspent = checkThenAct.filter(({ spent, max }) => spent > max)
  t.ok(overspent.length >= 3, 'a limiter that checks first and counts afterwards overspends all three')
  if (!t.passing()) for (const line of logs.join('').split('\n').slice(-LOG_LINES_SHOWN_MAX)) t.comment(line)
})
