import t from 'tap'
import { createHash } from 'node:crypto'
import { createManualClock } from '../support/fixed.ts'
import { createMemoryAccounts } from './memory-store.ts'
import { DRAFT } from '../store/account-contract.ts'
import { openDirectory } from '../../src/accounts/directory.ts'
import { verifyChain } from '../../src/accounts/audit.ts'
import type { Actor } from '../../src/accounts/actor.ts'
import type { Directory } from '../../src/accounts/directory.ts'
import type { MemoryAccounts } from './memory-store.ts'

const CONFLICT = { name: 'GatewayError', kind: 'conflict' }
const KEY = { id: 'abcdefgh', team: 'search', digest: 'digest-1', settings: {} }

interface Replicas { readonly store: MemoryAccounts, readonly one: Directory, readonly two: Directory }

/** Two gateways on one store. */
async function replicas (): Promise<Replicas> {
  const store = createMemoryAccounts()
  const clock = createManualClock(1_000)
  return { store, one: await openDirectory(store, clock), two: await openDirectory(store, clock) }
}

t.test('a key is found by its digest, with its team, and by nothing else', async (t) => {
  const { one } = await replicas()
  const team = await one.createTeam('search', { name: 'Search' }, undefined)
  const key = await one.createKey(KEY, undefined)
  t.strictSame(team, { id: 'search', settings: { name: 'Search' }, createdMs: 1_000, revision: 1 })
  t.strictSame(key, { ...KEY, former: [], createdMs: 1_000, revision: 1 })
  t.strictSame(one.findByDigest('digest-1'), { team, key })
  for (const digest of ['', 'digest', 'abcdefgh', 'search', '__proto__', 'constructor']) t.equal(one.findByDigest(digest), undefined)
  t.equal(one.team('__proto__'), undefined)
})

t.test('lists are sorted by id, and a team has its own keys', async (t) => {
  const { one } = await replicas()
  for (const id of ['search', 'ads']) await one.createTeam(id, {}, undefined)
  for (const id of ['kb', 'ka']) await one.createKey({ ...KEY, id, digest: id }, undefined)
  await one.createKey({ ...KEY, id: 'kc', team: 'ads', digest: 'kc' }, undefined)
  t.same(one.teams().map(({ id }) => id), ['ads', 'search'])
  t.same(one.keysOf('search').map(({ id }) => id), ['ka', 'kb'])
  t.same(one.keysOf('none'), [])
})

t.test('a replaced key is found by its new digest alone, and a removed one not at all', async (t) => {
  const { one } = await replicas()
  await one.createTeam('search', {}, undefined)
  const key = await one.createKey(KEY, undefined)
  const second = await one.rotateKey(key, { digest: 'digest-2', graceMs: 0 }, undefined)
  t.equal(one.findByDigest('digest-1'), undefined)
  t.equal(one.findByDigest('digest-2')?.key, second)
  const third = await one.replaceKey(second, { settings: { name: 'CI' } }, undefined)
  t.match(one.findByDigest('digest-2'), { key: { digest: 'digest-2', settings: { name: 'CI' }, revision: 3 } })
  await one.removeKey(third, undefined)
  t.equal(one.findByDigest('digest-2'), undefined)
  t.equal(one.key('abcdefgh'), undefined)
})

t.test('what one gateway writes another finds when it has caught up', async (t) => {
  const { one, two } = await replicas()
  await one.createTeam('search', {}, undefined)
  const key = await one.createKey(KEY, undefined)
  await two.catchUp()
  t.strictSame(two.findByDigest('digest-1'), one.findByDigest('digest-1'))
  await two.removeKey(key, undefined)
  await one.catchUp()
  t.equal(one.findByDigest('digest-1'), undefined)
})

t.test('a write from a document that somebody has replaced is a conflict, and changes nothing', async (t) => {
  const { one, two } = await replicas()
  const team = await one.createTeam('search', {}, undefined)
  await two.catchUp()
  await two.replaceTeam(team, { name: 'two' }, undefined)
  await t.rejects(one.replaceTeam(team, { name: 'one' }, undefined), CONFLICT)
  await t.rejects(one.removeTeam(team, undefined), CONFLICT)
  t.equal(one.team('search'), team)
  await one.catchUp()
  t.match(one.team('search'), { settings: { name: 'two' }, revision: 2 })
})

t.test('what is there cannot be created, here or elsewhere', async (t) => {
  const { one, two } = await replicas()
  await one.createTeam('search', {}, undefined)
  await t.rejects(one.createTeam('search', {}, undefined), { ...CONFLICT, message: 'There is a team "search" already.' })
  await t.rejects(two.createTeam('search', {}, undefined), CONFLICT)
})

t.test('a team with keys stays, and what was removed can be made anew', async (t) => {
  const { one } = await replicas()
  const team = await one.createTeam('search', {}, undefined)
  const key = await one.createKey(KEY, undefined)
  await t.rejects(one.removeTeam(team, undefined), CONFLICT)
  await one.removeKey(key, undefined)
  await one.removeTeam(team, undefined)
  t.equal(one.team('search'), undefined)
  await t.rejects(one.createKey(KEY, undefined), CONFLICT)
  t.match(await one.createTeam('search', { name: 'again' }, undefined), { revision: 3 })
})

t.test('while the store is away everything is still found, and nothing is written', async (t) => {
  const { store, one } = await replicas()
  const team = await one.createTeam('search', {}, undefined)
  await one.createKey(KEY, undefined)
  store.failWith(new Error('away'))
  await t.rejects(one.catchUp(), { message: 'away' })
  await t.rejects(one.replaceTeam(team, { name: 'new' }, undefined), { message: 'away' })
  t.equal(one.findByDigest('digest-1')?.team, team)
  store.failWith(undefined)
  await one.catchUp()
  t.equal(one.findByDigest('digest-1')?.team, team)
})

t.test('a store that cannot be read at the start is an error', async (t) => {
  const store = createMemoryAccounts()
  store.failWith(new Error('away'))
  await t.rejects(openDirectory(store, createManualClock()), { message: 'away' })
})

t.test('a store that has lost everything gets it back from memory, and removed keys stay removed', async (t) => {
  const { store, one, two } = await replicas()
  await one.createTeam('search', {}, undefined)
  const key = await one.createKey(KEY, undefined)
  await one.createKey({ ...KEY, id: 'zzzzzzzz', digest: 'digest-z' }, undefined)
  await two.catchUp()
  await one.removeKey(key, undefined)
  store.empty()
  await two.catchUp()
  t.ok((await store.load()).entries.some(({ id, document }) => id === 'abcdefgh' && document !== undefined), 'the second has not heard of the removal')
  for (const directory of [one, two, one]) await directory.catchUp()
  for (const directory of [one, two, await openDirectory(store, createManualClock())]) {
    t.equal(directory.findByDigest('digest-1'), undefined)
    t.equal(directory.findByDigest('digest-z')?.team.id, 'search')
  }
})

t.test('nothing is forgotten where the store is lost while it is put back', async (t) => {
  const { store, one } = await replicas()
  await one.createTeam('search', {}, undefined)
  await one.createKey(KEY, undefined)
  store.empty()
  const { restore } = store
  store.restore = async () => { throw new Error('away again') }
  await t.rejects(one.catchUp(), { message: 'away again' })
  t.equal(one.findByDigest('digest-1')?.key.id, 'abcdefgh')
  store.restore = restore
  await one.catchUp()
  t.equal((await store.load()).entries.length, 2)
})

t.test('behind a gap the store is believed', async (t) => {
  const { store, one, two } = await replicas()
  await one.createTeam('search', {}, undefined)
  const key = await one.createKey(KEY, undefined)
  await two.catchUp()
  await one.removeKey(key, undefined)
  store.forgetChanges()
  await two.catchUp()
  t.equal(two.findByDigest('digest-1'), undefined)
  t.equal(two.team('search')?.id, 'search')
})

t.test('of two documents of one revision a store that went back has the last word', async (t) => {
  const { store, one, two } = await replicas()
  const team = await one.createTeam('search', {}, undefined)
  await two.catchUp()
  await one.replaceTeam(team, { name: 'lost' }, undefined)
  store.empty()
  await store.restore([{ kind: 'team', id: 'search', revision: 1, removedMs: undefined, document: team }])
  await store.put({ kind: 'team', id: 'search', revision: 2, removedMs: undefined, document: { ...team, revision: 2, settings: { name: 'kept' } } }, DRAFT)
  store.changesSince = async () => ({ status: 'lost' })
  await one.catchUp()
  t.equal(one.team('search')?.settings.name, 'kept')
})

t.test('several that catch up at once take their turns', async (t) => {
  const { one, two } = await replicas()
  await one.createTeam('search', {}, undefined)
  await Promise.all([two.catchUp(), two.catchUp(), one.createKey(KEY, undefined), two.catchUp()])
  await two.catchUp()
  t.equal(two.key('abcdefgh')?.id, 'abcdefgh')
})

const LEAD: Actor = { id: 'tokentok', role: 'team', team: 'search', address: '10.0.0.1', requestId: 'r1' }

t.test('a key that gets another secret is found by both, until the one before has ended on every gateway at once', async (t) => {
  const store = createMemoryAccounts()
  const clock = createManualClock(1_000)
  const [one, two] = [await openDirectory(store, clock), await openDirectory(store, clock)]
  await one.createTeam('search', {}, undefined)
  const key = await one.createKey(KEY, undefined)
  const second = await one.rotateKey(key, { digest: 'digest-2', graceMs: 500 }, LEAD)
  t.match(second, { id: key.id, settings: key.settings, createdMs: key.createdMs, revision: 2 })
  await two.catchUp()
  for (const directory of [one, two]) {
    t.same(['digest-1', 'digest-2'].map((digest) => directory.findByDigest(digest)?.key.id), ['abcdefgh', 'abcdefgh'])
    t.same(directory.formerOf(second), [{ digest: 'digest-1', untilMs: 1_500 }])
  }
  clock.advance(500)
  for (const directory of [one, two, await openDirectory(store, clock)]) {
    t.same(['digest-1', 'digest-2'].map((digest) => directory.findByDigest(digest)?.key.id), [undefined, 'abcdefgh'])
    t.same(directory.formerOf(second), [])
  }
  await one.removeKey(second, LEAD)
  t.equal(one.findByDigest('digest-2'), undefined)
})

t.test('a revoked key takes its former secrets along', async (t) => {
  const { one } = await replicas()
  await one.createTeam('search', {}, undefined)
  const key = await one.rotateKey(await one.createKey(KEY, undefined), { digest: 'digest-2', graceMs: 60_000 }, undefined)
  await one.removeKey(key, undefined)
  for (const digest of ['digest-1', 'digest-2']) t.equal(one.findByDigest(digest), undefined)
})

t.test('of two rotations of one revision one is a conflict', async (t) => {
  const { one, two } = await replicas()
  await one.createTeam('search', {}, undefined)
  const key = await one.createKey(KEY, undefined)
  await two.catchUp()
  await two.rotateKey(key, { digest: 'digest-2', graceMs: 1_000 }, undefined)
  await t.rejects(one.rotateKey(key, { digest: 'digest-3', graceMs: 1_000 }, undefined), CONFLICT)
  await one.catchUp()
  t.same(['digest-1', 'digest-2', 'digest-3'].map((digest) => one.findByDigest(digest)?.key.id), ['abcdefgh', 'abcdefgh', undefined])
})

t.test('tokens are made, found by their digest and removed', async (t) => {
  const { one, two } = await replicas()
  await one.createTeam('search', {}, undefined)
  const token = await one.createToken({ id: 'tokentok', role: 'team', team: 'search', digest: 'digest-t' }, undefined)
  t.strictSame(token, { id: 'tokentok', role: 'team', team: 'search', digest: 'digest-t', createdMs: 1_000, revision: 1 })
  await two.catchUp()
  for (const directory of [one, two]) {
    t.strictSame(directory.findTokenByDigest('digest-t'), token)
    t.strictSame(directory.tokens(), [token])
    t.strictSame(directory.token('tokentok'), token)
    t.equal(directory.findByDigest('digest-t'), undefined, 'a token is no key')
  }
  await two.removeToken(token, undefined)
  await one.catchUp()
  t.same([one.findTokenByDigest('digest-t'), one.tokens()], [undefined, []])
})

t.test('what is set of an upstream is written from what was set before', async (t) => {
  const { one, two } = await replicas()
  const first = await one.putUpstream({ id: 'dashscope', isDrained: true, drainedKeys: [], keys: [] }, undefined)
  t.equal(first.revision, 1)
  await t.rejects(two.putUpstream({ id: 'dashscope', isDrained: false, drainedKeys: [], keys: [] }, undefined), CONFLICT)
  await two.catchUp()
  const second = await two.putUpstream({ ...first, isDrained: false }, undefined)
  await t.rejects(one.putUpstream({ ...first, drainedKeys: ['k'] }, undefined), CONFLICT)
  await one.catchUp()
  t.strictSame([one.upstream('dashscope'), one.upstreams()], [second, [second]])
})

t.test('every write has one entry in the log, with who, what, and what differs; secrets as fingerprints alone', async (t) => {
  const { store, one } = await replicas()
  const team = await one.createTeam('search', { name: 'Search', requests_per_minute: 5 }, LEAD)
  await one.replaceTeam(team, { name: 'Search', requests_per_minute: 9, models: ['qwen-*'] }, LEAD)
  const key = await one.createKey(KEY, LEAD)
  const rotated = await one.rotateKey(await one.replaceKey(key, { settings: { name: 'CI' } }, LEAD), { digest: 'digest-2', graceMs: 500 }, LEAD)
  await one.removeKey(rotated, undefined)
  await one.removeToken(await one.createToken({ id: 'tokentok', role: 'viewer', digest: 'digest-t', name: 'bot' }, LEAD), LEAD)
  await one.putUpstream({ id: 'dashscope', isDrained: true, drainedKeys: [], keys: [{ id: '0123456789ab', cipher: 'v1.SECRET', weight: 2, createdMs: 0 }] }, LEAD)
  const log = (await store.audit({ limit: 50 })).toReversed()
  t.ok(verifyChain(log).ok)
  t.same(log.map(({ action, object, outcome }) => `${action} ${object} ${outcome}`), [
    'team.create team:search done', 'team.update team:search done', 'key.create key:abcdefgh done', 'key.update key:abcdefgh done',
    'key.rotate key:abcdefgh done', 'key.remove key:abcdefgh done', 'token.create token:tokentok done', 'token.remove token:tokentok done',
    'upstream.drain upstream:dashscope done'
  ])
  t.match(log[0], { seq: 1, timeMs: 1_000, actor: 'tokentok', role: 'team', address: '10.0.0.1', requestId: 'r1' })
  t.match(log[5], { actor: 'gateway', role: 'gateway', address: undefined, requestId: undefined })
  t.strictSame(log[0]?.detail, { before: null, after: { name: 'Search', requests_per_minute: 5 } })
  t.strictSame(log[1]?.detail, { before: { requests_per_minute: 5 }, after: { requests_per_minute: 9, models: ['qwen-*'] } })
  t.strictSame(log[3]?.detail, { before: {}, after: { name: 'CI' } })
  const [one1, two2] = ['digest-1', 'digest-2'].map((digest) => createHash('sha256').update(digest).digest('hex').slice(0, 8))
  t.strictSame(log[4]?.detail, {
    before: { secret: one1, former: [] }, after: { secret: two2, former: [{ secret: one1, until: '1970-01-01T00:00:01.500Z' }] }
  })
  t.match(log[5]?.detail, { before: { name: 'CI', team: 'search', secret: two2 }, after: null })
  t.match(log[8]?.detail, { before: null, after: { drained: true, keys: [{ id: '0123456789ab', weight: 2 }] } })
  t.notMatch(JSON.stringify(log), /digest-|SECRET/)
})

t.test('a write that is refused has no entry, and is not known here either', async (t) => {
  const { store, one, two } = await replicas()
  const team = await one.createTeam('search', {}, LEAD)
  await two.catchUp()
  await one.replaceTeam(team, { name: 'one' }, LEAD)
  await t.rejects(two.replaceTeam(team, { name: 'two' }, LEAD), CONFLICT)
  await t.rejects(one.createTeam('search', {}, LEAD), CONFLICT)
  t.equal((await store.audit({ limit: 50 })).length, 2)
  t.strictSame(two.team('search'), team)
})

t.test('a secret moves to another pepper if its owner still has it', async (t) => {
  const { store, one } = await replicas()
  await one.createTeam('search', {}, undefined)
  await one.createKey(KEY, undefined)
  await one.createToken({ id: 'tokentok', role: 'viewer', digest: 'digest-t' }, undefined)
  for (const owner of [{ kind: 'key', id: 'abcdefgh' }, { kind: 'token', id: 'tokentok' }, { kind: 'key', id: 'none' }] as const) {
    await one.repepper(owner, { from: 'digest-of-somebody', to: 'x' })
  }
  t.equal((await store.audit({ limit: 50 })).length, 3)
  await one.repepper({ kind: 'key', id: 'abcdefgh' }, { from: 'digest-1', to: 'new-1' })
  await one.repepper({ kind: 'token', id: 'tokentok' }, { from: 'digest-t', to: 'new-t' })
  t.equal(one.findByDigest('new-1')?.key.id, 'abcdefgh')
  t.match([one.findTokenByDigest('new-t')?.id, one.findTokenByDigest('digest-t')], ['tokentok', undefined])
  t.match(await store.audit({ limit: 2 }), [{ actor: 'gateway', action: 'token.repepper' }, { actor: 'gateway', action: 'key.repepper' }])
})
