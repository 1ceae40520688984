import t from 'tap'
import fc from 'fast-check'
import { auditEntryOf, chained, createAuditLog, draftOf, factsOfActor, GENESIS, verifyChain } from '../../src/accounts/audit.ts'
import { createManualClock } from '../support/fixed.ts'
import { createMemoryAccounts } from './memory-store.ts'
import type { AuditDraft, AuditEntry, AuditFacts } from '../../src/accounts/audit.ts'
import type { JsonObject } from '../../src/core/json.ts'

const FACTS: AuditFacts = {
  actor: 'abcdefgh', role: 'team', address: '127.0.0.1', requestId: 'r', action: 'key.rotate', object: 'key:zzzzzzzz', outcome: 'done', detail: { before: null, after: { name: 'x' } }
}

const drafts = fc.array(fc.record<AuditDraft>({
  timeMs: fc.nat(),
  actor: fc.string(),
  role: fc.constantFrom('admin', 'team', 'viewer', 'gateway'),
  address: fc.option(fc.ipV4(), { nil: undefined }),
  requestId: fc.option(fc.uuid(), { nil: undefined }),
  action: fc.string(),
  object: fc.string({ unit: 'binary' }),
  outcome: fc.constantFrom('done', 'denied', 'failed'),
  detail: fc.option(fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<JsonObject>, { nil: undefined })
}), { minLength: 1, maxLength: 12 })

function chainOf (list: readonly AuditDraft[]): AuditEntry[] {
  const entries: AuditEntry[] = []
  for (const draft of list) entries.push(chained(draft, entries.at(-1) ?? GENESIS))
  return entries
}

type Tampering = (entries: AuditEntry[], at: number, other: number) => AuditEntry[]

function changed (member: keyof AuditFacts | 'timeMs' | 'seq' | 'previous' | 'hash', value: (before: AuditEntry) => unknown): Tampering {
  return (entries, at) => entries.map((entry, place) => place === at ? { ...entry, [member]: value(entry) } as AuditEntry : entry)
}

/** As somebody does who knows how hashes are made, and has not made all that follow anew. */
function forged (entries: AuditEntry[], at: number): AuditEntry[] {
  return entries.map((entry, place) => {
    return place === at ? chained({ ...entry, actor: `${entry.actor}!` }, { seq: entry.seq - 1, hash: entry.previous }) : entry
  })
}

const TAMPERINGS: Readonly<Record<string, Tampering>> = {
  'another actor': changed('actor', ({ actor }) => `${actor}x`),
  'another role': changed('role', ({ role }) => role === 'admin' ? 'viewer' : 'admin'),
  'an address that came or went': changed('address', ({ address }) => address === undefined ? '10.0.0.1' : undefined),
  'another request': changed('requestId', ({ requestId }) => `${requestId}x`),
  'another action': changed('action', ({ action }) => `${action}x`),
  'another object': changed('object', ({ object }) => `${object}x`),
  'another outcome': changed('outcome', ({ outcome }) => outcome === 'done' ? 'denied' : 'done'),
  'something more in the detail': changed('detail', ({ detail }) => ({ ...detail, x: { y: [1, detail?.['x'] ?? null] } })),
  'another time': changed('timeMs', ({ timeMs }) => timeMs + 1),
  'another number': changed('seq', ({ seq }) => seq + 1),
  'another entry before': changed('previous', ({ previous }) => previous.replace(/^./, (first) => first === 'a' ? 'b' : 'a') || 'a'),
  'another hash': changed('hash', ({ hash }) => hash.replace(/^./, (first) => first === 'a' ? 'b' : 'a')),
  'a forged entry in its place': forged,
  'a removed entry': (entries, at) => entries.filter((_entry, place) => place !== at),
  'an entry twice': (entries, at) => [...entries.slice(0, at + 1), ...entries.slice(at)],
  'an inserted entry': (entries, at) => {
    const before = entries[at - 1] ?? GENESIS
    return [...entries.slice(0, at), chained({ ...FACTS, timeMs: 1 }, before), ...entries.slice(at)]
  },
  'two that changed places': (entries, at, other) => {
    if (entries.length < 2) return []
    const target = at === other % entries.length ? (at + 1) % entries.length : other % entries.length
    return entries.map((entry, place) => (place === at ? entries[target] : place === target ? entries[at] : entry) as AuditEntry)
  },
  'all that follow gone': (entries, at) => entries.slice(0, at)
}

t.test('a chain as it was written is whole, also behind the texts a store keeps', async (t) => {
  fc.assert(fc.property(drafts, fc.nat(), (list, cut) => {
    const entries = chainOf(list)
    const read = entries.map((entry) => auditEntryOf(JSON.stringify(entry)))
    const head = { seq: entries.length, hash: entries.at(-1)?.hash }
    const at = cut % entries.length
    const rest = verifyChain(read.slice(at), entries[at - 1] ?? GENESIS)
    return [verifyChain(entries), verifyChain(read), rest].every((verdict) => JSON.stringify(verdict) === JSON.stringify({ ok: true, head }))
  }), { numRuns: 500 })
  t.same(verifyChain([]), { ok: true, head: GENESIS })
})

for (const [name, tamper] of Object.entries(TAMPERINGS)) {
  t.test(`${name} is found`, async (t) => {
    fc.assert(fc.property(drafts, fc.nat(), fc.nat(), (list, place, other) => {
      const entries = chainOf(list)
      const verdict = verifyChain(tamper(entries, place % entries.length, other))
      // What is left of a log that was cut short is whole: only its head is not the one that was noted.
      return !verdict.ok || verdict.head.hash !== entries.at(-1)?.hash
    }), { numRuns: 300 })
    t.pass('300 chains')
  })
}

t.test('the verdict says which entry is at fault, and why', async (t) => {
  const entries = chainOf(Array.from({ length: 5 }, (_, index) => ({ ...FACTS, timeMs: index })))
  t.same(verifyChain(entries.toSpliced(2, 1)), { ok: false, seq: 4, why: 'it follows on entry 2' })
  t.same(verifyChain(entries.slice(1)), { ok: false, seq: 2, why: 'it follows on entry 0' })
  t.match(verifyChain(entries.map((entry) => entry.seq === 3 ? { ...entry, actor: 'x' } : entry)), { ok: false, seq: 3, why: 'it is not what was written' })
  t.match(verifyChain(forged(entries, 2)), { ok: false, seq: 4, why: 'it was not written behind the entry before it' })
})

t.test('facts are logged at the store\'s time, and a detail that is far too long is kept by its hash', async (t) => {
  const clock = createManualClock(5_000)
  const log = createAuditLog(createMemoryAccounts(), clock)
  const first = await log.append(FACTS)
  t.match(first, { ...FACTS, seq: 1, timeMs: 5_000, previous: '' })
  t.match(first.hash, /^[0-9a-f]{64}$/)
  clock.advance(1)
  const second = await log.append({ ...FACTS, outcome: 'denied', detail: { body: 'x'.repeat(70_000) } })
  t.match(second, { seq: 2, timeMs: 5_001, previous: first.hash, detail: { characters: 70_011, sha256: /^[0-9a-f]{64}$/ } })
  t.strictSame(await log.list({ limit: 10 }), [second, first])
  t.strictSame(await log.list({ before: 2, limit: 10 }), [first])
  t.strictSame(draftOf(FACTS, 1), { ...FACTS, timeMs: 1 })
})

t.test('who writes is named, and nobody is the gateway', async (t) => {
  t.strictSame(factsOfActor({ id: 'root', role: 'admin', address: '::1', requestId: 'r' }), { actor: 'root', role: 'admin', address: '::1', requestId: 'r' })
  t.strictSame(factsOfActor(undefined), { actor: 'gateway', role: 'gateway', address: undefined, requestId: undefined })
})
