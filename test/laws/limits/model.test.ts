import { existsSync } from 'node:fs'
import t from 'tap'
import { ELSEWHERE, INVARIANTS } from './invariants.ts'
import { lifeArbitrary } from './steps.ts'
import { uphold } from './run.ts'
import { watchLife } from './watch.ts'
import type { Moment } from './witness.ts'

const INVARIANTS_IN_ALL = 24

t.test('no invariant is left out', async (t) => {
  const numbers = [...INVARIANTS, ...ELSEWHERE].map(({ number }) => number).sort((one, other) => one - other)
  t.strictSame(numbers, Array.from({ length: INVARIANTS_IN_ALL }, (_, index) => index + 1))
  for (const { shownIn } of ELSEWHERE) t.ok(existsSync(shownIn), shownIn)
})

const seen = new Set<string>()

t.test(`the model of the limit stores: ${INVARIANTS.map(({ number }) => `I${number}`).join(' ')} hold of every step`, async () => {
  const see = (moment: Moment): void => { for (const name of namesOf(moment)) seen.add(name) }
  await uphold({ name: 'limits: the model alone', arbitrary: lifeArbitrary, operationsMin: 12_000, holds: (life) => watchLife(life, undefined, see) })
})

/** What has happened, in words that tell apart all that a store may answer. */
function namesOf ({ call, reply, before, after }: Moment): string[] {
  const step = call.step === 'reserve' ? call.args.mode : call.step
  if (reply === 'rejected') return [`${step}: rejected`]
  const names: string[] = []
  if ('status' in reply) names.push(`${step}: ${'how' in reply ? reply.how : 'repeated' in reply && reply.repeated ? 'again' : reply.status}`)
  if ('swept' in reply) names.push(`renew: ${reply.swept === 0 ? 'nothing' : 'something'} due`, `renew: ${reply.unknown.length === 0 ? 'all' : 'not all'} known`)
  if (Object.keys(after.counters).length < Object.keys(before.counters).length) names.push('a window is dropped')
  return names
}

const skip = process.env['DASHGATE_LAW_OPERATIONS'] !== undefined && 'as many operations as somebody asked for may be too few'
t.test('the lives that were tried came to every answer there is', { skip }, async (t) => {
  const reserved = ['granted', 'again', 'final', 'expired', 'old', 'stale', 'on_hold', 'denied', 'rejected'].map((answer) => `reserve: ${answer}`)
  const forced = ['granted', 'again', 'final', 'expired', 'old', 'stale'].map((answer) => `force: ${answer}`)
  const checked = ['granted', 'stale', 'on_hold', 'denied'].map((answer) => `check: ${answer}`)
  const settled = ['reserved', 'late', 'unreserved', 'repeated', 'old', 'rejected'].map((answer) => `settle: ${answer}`)
  const renewed = ['nothing due', 'something due', 'all known', 'not all known'].map((answer) => `renew: ${answer}`)
  t.strictSame([...seen.keys()].sort(), [...reserved, ...forced, ...checked, ...settled, ...renewed, 'a window is dropped'].sort())
})
