import type { Test } from 'tap'
import { auditContract } from './audit-contract.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { REMOVAL_MEMORY_MS } from '../../src/accounts/store.ts'
import type { AccountEntry, AccountStore } from '../../src/accounts/store.ts'
import type { AuditDraft } from '../../src/accounts/audit.ts'
import type { AdminToken, ClientKey, Team } from '../../src/accounts/account.ts'

export interface AccountStoreUnderTest {
  readonly store: AccountStore
  /** Another process's view of the same accounts. */
  readonly other: AccountStore
  /** And one more. */
  readonly third: AccountStore
}

const NOW_MS = Date.UTC(2026, 5, 1)

/** What the audit log is told of a write that is about something else here. */
export const DRAFT: AuditDraft = {
  timeMs: NOW_MS, actor: 'root', role: 'admin', address: '127.0.0.1', requestId: 'r', action: 'team.update', object: 'team:search', outcome: 'done', detail: undefined
}

export function teamEntry (id: string, revision: number, settings: Team['settings'] = {}): AccountEntry {
  return { kind: 'team', id, revision, removedMs: undefined, document: { id, settings, createdMs: NOW_MS, revision } }
}

export function keyEntry (id: string, revision: number, changes: Partial<ClientKey> = {}): AccountEntry {
  const document = { id, team: 'search', digest: `digest-of-${id}`, former: [], settings: {}, createdMs: NOW_MS, revision, ...changes }
  return { kind: 'key', id, revision, removedMs: undefined, document }
}

function tokenEntry (id: string, revision: number, changes: Partial<AdminToken> = {}): AccountEntry {
  const document: AdminToken = { id, role: 'viewer', digest: `digest-of-${id}`, createdMs: NOW_MS, revision, ...changes }
  return { kind: 'token', id, revision, removedMs: undefined, document }
}

function upstreamEntry (id: string, revision: number): AccountEntry {
  const key = { id: '0123456789ab', cipher: 'v1.AAAA', weight: 1, createdMs: NOW_MS }
  return { kind: 'upstream', id, revision, removedMs: undefined, document: { id, isDrained: true, drainedKeys: ['0123456789ab'], keys: [key], revision } }
}

function removal (kind: AccountEntry['kind'], id: string, revision: number, removedMs = Date.now()): AccountEntry {
  return { kind, id, revision, removedMs, document: undefined }
}

/** What every store of teams and keys promises. @param open gives an empty store of its own to each test */
export async function accountContract (t: Test, open: (t: Test) => Promise<AccountStoreUnderTest>): Promise<void> {
  await t.test('what is written is loaded, to the letter', async (t) => {
    const { store, other } = await open(t)
    t.same((await store.load()).entries, [])
    const written = [teamEntry('search', 1, { name: '搜索 "team"', models: ['qwen-*'], budgets: [] }), keyEntry('abcdefgh', 1, { settings: { name: "o'key" } })]
    for (const entry of written) await store.put(entry, DRAFT)
    for (const side of [store, other]) t.strictSame(sorted((await side.load()).entries), sorted(written))
  })

  await t.test('only the next revision is written', async (t) => {
    const { store, other } = await open(t)
    await store.put(teamEntry('search', 1), DRAFT)
    await refused(t, store.put(teamEntry('search', 3), DRAFT))
    await store.put(teamEntry('search', 2, { name: 'second' }), DRAFT)
    for (const revision of [1, 2, 4]) await refused(t, other.put(teamEntry('search', revision, { name: 'third' }), DRAFT))
    t.same((await store.load()).entries, [teamEntry('search', 2, { name: 'second' })])
  })

  await t.test('of two that write the same revision one is refused', async (t) => {
    const { store, other } = await open(t)
    const results = await Promise.allSettled([store.put(teamEntry('search', 1, { name: 'a' }), DRAFT), other.put(teamEntry('search', 1, { name: 'b' }), DRAFT)])
    t.same(results.map((result) => result.status).sort(), ['fulfilled', 'rejected'])
  })

  await t.test('a removal is a revision, and what is made anew goes on from there', async (t) => {
    const { store } = await open(t)
    await store.put(teamEntry('search', 1), DRAFT)
    await refused(t, store.put(removal('team', 'search', 1), DRAFT))
    const gone = removal('team', 'search', 2)
    await store.put(gone, DRAFT)
    t.strictSame((await store.load()).entries, [gone])
    await refused(t, store.put(teamEntry('search', 1), DRAFT))
    await store.put(teamEntry('search', 3), DRAFT)
    t.strictSame((await store.load()).entries, [teamEntry('search', 3)])
  })

  await t.test('a key needs its team, and a team with keys stays', async (t) => {
    const { store } = await open(t)
    await refused(t, store.put(keyEntry('abcdefgh', 1), DRAFT))
    await store.put(teamEntry('search', 1), DRAFT)
    await store.put(teamEntry('sea', 1), DRAFT)
    await store.put(keyEntry('abcdefgh', 1), DRAFT)
    await refused(t, store.put(removal('team', 'search', 2), DRAFT))
    await store.put(removal('team', 'sea', 2), DRAFT)
    await refused(t, store.put(keyEntry('zzzzzzzz', 1, { team: 'sea' }), DRAFT), 'a team that is gone')
    await store.put(removal('key', 'abcdefgh', 2), DRAFT)
    await store.put(removal('team', 'search', 2), DRAFT)
    t.ok((await store.load()).entries.every((entry) => entry.document === undefined))
  })

  await t.test('changes are told from a cursor on, each entry as it is now', async (t) => {
    const { store, other } = await open(t)
    await store.put(teamEntry('search', 1), DRAFT)
    const { cursor } = await other.load()
    const none = await other.changesSince(cursor)
    t.match(none, { status: 'changes', entries: [] })
    await store.put(teamEntry('search', 2), DRAFT)
    await store.put(keyEntry('abcdefgh', 1), DRAFT)
    await store.put(teamEntry('search', 3), DRAFT)
    const changes = await other.changesSince(cursor)
    if (changes.status !== 'changes') throw new Error(changes.status)
    t.strictSame(byName(changes.entries), byName([teamEntry('search', 3), keyEntry('abcdefgh', 1)]))
    t.match(await other.changesSince(changes.cursor), { status: 'changes', entries: [], cursor: changes.cursor })
    const gone = removal('key', 'abcdefgh', 2)
    await store.put(gone, DRAFT)
    const later = await other.changesSince(changes.cursor)
    t.strictSame(later.status === 'changes' ? later.entries : later.status, [gone])
  })

  await t.test('only what is later than the store has is restored', async (t) => {
    const { store, other } = await open(t)
    await store.put(teamEntry('search', 1), DRAFT)
    await store.put(teamEntry('search', 2, { name: 'kept' }), DRAFT)
    const gone = removal('key', 'abcdefgh', 2)
    await other.restore([teamEntry('search', 1), teamEntry('search', 2, { name: 'not taken' }), teamEntry('ads', 7), gone])
    t.strictSame(sorted((await store.load()).entries), sorted([teamEntry('search', 2, { name: 'kept' }), teamEntry('ads', 7), gone]))
    await refused(t, store.put(keyEntry('abcdefgh', 1), DRAFT))
    await other.restore([])
  })

  await t.test('tokens belong to a team like keys do, or to none, and upstreams to nobody', async (t) => {
    const { store, other } = await open(t)
    await refused(t, store.put(tokenEntry('aaaaaaaa', 1, { team: 'search' }), DRAFT))
    await store.put(teamEntry('search', 1), DRAFT)
    const written = [tokenEntry('aaaaaaaa', 1, { team: 'search' }), tokenEntry('bbbbbbbb', 1), upstreamEntry('Dash/Scope:1', 1)]
    for (const entry of written) await store.put(entry, DRAFT)
    t.strictSame(sorted((await other.load()).entries), sorted([teamEntry('search', 1), ...written]))
    await refused(t, store.put(removal('team', 'search', 2), DRAFT), 'a team with a token stays')
    await store.put(removal('token', 'aaaaaaaa', 2), DRAFT)
    await store.put(removal('team', 'search', 2), DRAFT)
    await refused(t, other.put(upstreamEntry('Dash/Scope:1', 1), DRAFT))
    await other.put(upstreamEntry('Dash/Scope:1', 2), DRAFT)
  })

  await t.test('what is named alike in two kinds is two things', async (t) => {
    const { store } = await open(t)
    const written = [teamEntry('search', 1), keyEntry('search', 1), tokenEntry('search', 1), upstreamEntry('search', 1)]
    for (const entry of written) await store.put(entry, DRAFT)
    t.strictSame(sorted((await store.load()).entries), sorted(written))
  })

  await t.test('a removal is forgotten after its time', async (t) => {
    const { store } = await open(t)
    await store.put(teamEntry('search', 1), DRAFT)
    await store.put(keyEntry('abcdefgh', 1), DRAFT)
    await store.put(removal('key', 'abcdefgh', 2, Date.now() - REMOVAL_MEMORY_MS - 60_000), DRAFT)
    await store.put(keyEntry('zzzzzzzz', 1), DRAFT)
    const recent = removal('key', 'zzzzzzzz', 2)
    await store.put(recent, DRAFT)
    t.strictSame(sorted((await store.load()).entries), sorted([teamEntry('search', 1), recent]))
    await store.put(keyEntry('abcdefgh', 3), DRAFT)
    t.strictSame(sorted((await store.load()).entries), sorted([teamEntry('search', 1), recent, keyEntry('abcdefgh', 3)]), 'whoever remembers it may go on from there')
  })

  await auditContract(t, open)
}

async function refused (t: Test, write: Promise<void>, name = 'refused as a conflict'): Promise<void> {
  const caught = await write.then(() => undefined, (error: unknown) => error)
  t.ok(caught instanceof GatewayError && caught.kind === 'conflict', name)
}

function sorted (entries: readonly AccountEntry[]): readonly AccountEntry[] {
  return [...entries].sort((a, b) => `${a.kind}:${a.id}` < `${b.kind}:${b.id}` ? -1 : 1)
}

/** The last that is told of each. */
function byName (entries: readonly AccountEntry[]): ReadonlyMap<string, AccountEntry> {
  return new Map(sorted(entries).map((entry) => [`${entry.kind}:${entry.id}`, entry]))
}
