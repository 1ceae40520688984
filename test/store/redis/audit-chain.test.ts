import t from 'tap'
import { createChaining } from '../../../src/store/redis/audit-chain.ts'
import { DRAFT } from '../account-contract.ts'
import { GENESIS, verifyChain } from '../../../src/accounts/audit.ts'
import type { AuditEntry } from '../../../src/accounts/audit.ts'
import type { WriteLink } from '../../../src/store/redis/audit-chain.ts'

/** A log that takes what follows on its head. */
function createLog () {
  const log: AuditEntry[] = []
  const write: WriteLink = async (link, head) => {
    const { seq, hash } = log.at(-1) ?? GENESIS
    await Promise.resolve()
    if (head.seq !== seq || head.hash !== hash) return { seq, hash }
    log.push(link)
    return undefined
  }
  return { log, write }
}

t.test('whoever comes second follows on the other\'s entry, with a second try', async (t) => {
  const { log, write } = createLog()
  const [one, two] = [createChaining(), createChaining()]
  let calls = 0
  const counted: WriteLink = (link, head) => { calls++; return write(link, head) }
  t.match(await one.add(DRAFT, counted), { seq: 1 })
  t.match(await two.add(DRAFT, counted), { seq: 2 })
  t.equal(calls, 3)
  t.match(verifyChain(log), { ok: true, head: { seq: 2 } })
})

t.test('what a gateway writes at the same time it writes in order, with one try each', async (t) => {
  const { log, write } = createLog()
  const chaining = createChaining()
  let calls = 0
  const counted: WriteLink = (link, head) => { calls++; return write(link, head) }
  await Promise.all(Array.from({ length: 100 }, (_, count) => chaining.add({ ...DRAFT, action: String(count) }, counted)))
  t.same(log.map(({ action }) => Number(action)), Array.from({ length: 100 }, (_, count) => count))
  t.equal(calls, 100)
})

t.test('a write that fails does not hold up the next', async (t) => {
  const { log, write } = createLog()
  const chaining = createChaining()
  const results = await Promise.allSettled([
    chaining.add(DRAFT, write), chaining.add(DRAFT, async () => { throw new Error('cut') }), chaining.add(DRAFT, write)
  ])
  t.same(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled'])
  t.match(verifyChain(log), { ok: true, head: { seq: 2 } })
})

t.test('a head that is always another one ends the tries', async (t) => {
  let calls = 0
  const elsewhere: WriteLink = async (_link, { seq }) => { calls++; return { seq: seq + 1, hash: String(calls) } }
  await t.rejects(createChaining().add(DRAFT, elsewhere), { name: 'GatewayError', message: /Too many gateways write/ })
  t.equal(calls, 64)
})

t.test('not more than a thousand wait for a store that does not answer', async (t) => {
  const { write } = createLog()
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const chaining = createChaining()
  const waiting = Array.from({ length: 1_000 }, () => chaining.add(DRAFT, async (link, head) => { await held; return await write(link, head) }))
  await t.rejects(chaining.add(DRAFT, write), { name: 'GatewayError', message: /Too many writes wait/ })
  release()
  t.equal((await Promise.all(waiting)).at(-1)?.seq, 1_000)
  t.equal((await chaining.add(DRAFT, write)).seq, 1_001)
})
