import t from 'tap'
import { createManualClock } from '../support/fixed.ts'
import { createRepepper } from '../../src/accounts/repepper.ts'
import { GatewayError } from '../../src/core/errors.ts'
import type { SecretOwner } from '../../src/accounts/directory.ts'

const REPEPPERING = { from: 'old', to: 'new' }
const owner = (id: string): SecretOwner => ({ kind: 'key', id })

function scene () {
  const clock = createManualClock()
  const moves: { readonly id: string, readonly end: PromiseWithResolvers<void> }[] = []
  const failures: unknown[] = []
  const outdated = createRepepper({
    repepper (of) {
      const end = Promise.withResolvers<void>()
      moves.push({ id: `${of.kind}:${of.id}`, end })
      return end.promise
    }
  }, { clock, failed: (cause) => { failures.push(cause) } })
  return { clock, moves, failures, outdated, ids: () => moves.map(({ id }) => id) }
}

/** Lets what has ended be heard of. */
async function turns (): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
}

t.test('a secret is moved once, however often it is used meanwhile', async (t) => {
  const { outdated, moves, ids } = scene()
  for (let uses = 0; uses < 10; uses++) outdated(owner('one'), REPEPPERING)
  outdated({ kind: 'token', id: 'one' }, REPEPPERING)
  t.same(ids(), ['key:one', 'token:one'])
  moves[0]?.end.resolve()
  await turns()
  outdated(owner('one'), REPEPPERING)
  t.equal(moves.length, 3, 'one that is old again, of another secret, is another move')
})

t.test('not more than 16 are moved at a time; the rest come with their next use', async (t) => {
  const { outdated, moves } = scene()
  for (let count = 0; count < 50; count++) outdated(owner(String(count)), REPEPPERING)
  t.equal(moves.length, 16)
  for (const { end } of moves) end.resolve()
  await turns()
  for (let count = 16; count < 50; count++) outdated(owner(String(count)), REPEPPERING)
  t.equal(moves.length, 32)
})

t.test('after a failure a use tries again a second later, and no sooner', async (t) => {
  const { outdated, moves, clock, failures } = scene()
  const bug = new TypeError('a bug')
  for (const cause of [new GatewayError('conflict', 'changed'), new GatewayError('store_unavailable', 'away'), bug]) {
    const before = moves.length
    outdated(owner('one'), REPEPPERING)
    moves[before]?.end.reject(cause)
    await turns()
    clock.advance(999)
    outdated(owner('one'), REPEPPERING)
    t.equal(moves.length, before + 1)
    clock.advance(1)
  }
  t.same(failures, [bug], 'and only what nobody foresaw is told')
  t.equal(clock.pending, 0)
})
