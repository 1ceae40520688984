import type { Test } from 'tap'
import { DRAFT, keyEntry, teamEntry } from './account-contract.ts'
import { verifyChain } from '../../src/accounts/audit.ts'
import type { AccountStore } from '../../src/accounts/store.ts'
import type { AccountStoreUnderTest } from './account-contract.ts'
import type { AuditEntry } from '../../src/accounts/audit.ts'

const APPENDS = 40
const PAGE = 7

/** The whole log, oldest first, read page by page. */
export async function wholeLog (store: AccountStore): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = []
  for (;;) {
    const page = await store.audit({ before: entries.at(-1)?.seq, limit: PAGE })
    entries.push(...page)
    if (page.length < PAGE) return entries.reverse()
  }
}

/** What every store promises of the audit log. */
export async function auditContract (t: Test, open: (t: Test) => Promise<AccountStoreUnderTest>): Promise<void> {
  await t.test('an entry is kept to the letter, and listed newest first', async (t) => {
    const { store, other } = await open(t)
    t.same(await store.audit({ limit: 5 }), [])
    const odd = { ...DRAFT, actor: '搜索 "x" \\ \u2028', address: undefined, requestId: undefined, outcome: 'denied', detail: { before: null, after: { n: 1.5, list: [true, {}] } } } as const
    const [first, second] = [await store.append(DRAFT), await other.append(odd)]
    t.match(first, { ...DRAFT, seq: 1, previous: '' })
    t.match(second, { seq: 2, previous: first.hash })
    for (const side of [store, other]) t.strictSame(await side.audit({ limit: 5 }), [second, first])
    t.strictSame(await store.audit({ before: 2, limit: 5 }), [first])
    t.strictSame(await store.audit({ limit: 1 }), [second])
    t.strictSame(await store.audit({ before: 1, limit: 5 }), [])
  })

  await t.test('a write brings its entry along, and one that is refused brings none', async (t) => {
    const { store, other } = await open(t)
    await store.put(teamEntry('search', 1), { ...DRAFT, action: 'team.create' })
    await other.put(teamEntry('search', 2), { ...DRAFT, action: 'team.update' })
    await t.rejects(store.put(teamEntry('search', 2), { ...DRAFT, action: 'team.lost' }))
    await t.rejects(store.put(keyEntry('abcdefgh', 1, { team: 'none' }), { ...DRAFT, action: 'key.lost' }))
    await store.restore([teamEntry('ads', 1)])
    t.same((await wholeLog(store)).map(({ seq, action }) => `${seq} ${action}`), ['1 team.create', '2 team.update'])
  })

  await t.test('what three gateways write at the same time is one unbroken chain', async (t) => {
    const { store, other, third } = await open(t)
    await store.put(teamEntry('search', 1), DRAFT)
    const stores = [store, other, third]
    await Promise.all(stores.flatMap((side, gateway) => Array.from({ length: APPENDS }, async (_, count) => {
      const draft = { ...DRAFT, actor: `gateway-${gateway}`, action: String(count) }
      // A log of nothing but failures would be easy to keep in order.
      if (count % 2 === 0) await side.append(draft)
      else await side.put(keyEntry(`key-${gateway}-${count}`, 1), draft)
    })))
    const log = await wholeLog(store)
    t.equal(log.length, 1 + stores.length * APPENDS)
    t.match(verifyChain(log), { ok: true, head: { seq: log.length } })
    for (const gateway of stores.keys()) {
      const own = log.filter(({ actor }) => actor === `gateway-${gateway}`).map(({ action }) => Number(action))
      t.same(own, Array.from({ length: APPENDS }, (_, count) => count), 'each gateway\'s own in its order, once each')
    }
    t.equal((await store.load()).entries.length, 1 + stores.length * APPENDS / 2)
  })

  await t.test('of two that write the same revision one has an entry', async (t) => {
    const { store, other } = await open(t)
    for (let revision = 1; revision <= 10; revision++) {
      const writes = [store, other].map((side, index) => side.put(teamEntry('search', revision), { ...DRAFT, actor: String(index) }))
      const written = (await Promise.allSettled(writes)).map(({ status }) => status)
      t.same(written.toSorted(), ['fulfilled', 'rejected'])
      t.equal((await store.audit({ limit: 1 }))[0]?.actor, String(written.indexOf('fulfilled')))
    }
    t.match(verifyChain(await wholeLog(other)), { ok: true, head: { seq: 10 } })
  })
}
