import t from 'tap'
import { createManualClock } from '../support/fixed.ts'
import { createMemoryAccounts } from './memory-store.ts'
import { DRAFT } from '../store/account-contract.ts'
import { openDirectory } from '../../src/accounts/directory.ts'
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
