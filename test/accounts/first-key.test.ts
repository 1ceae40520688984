import t from 'tap'
import { createManualClock } from '../support/fixed.ts'
import { createMemoryAccounts } from './memory-store.ts'
import { ensureFirstKey } from '../../src/accounts/first-key.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { openDirectory } from '../../src/accounts/directory.ts'

const clock = createManualClock()

t.test('the first key is made with its team, once', async (t) => {
  const directory = await openDirectory(createMemoryAccounts(), clock)
  for (let starts = 0; starts < 2; starts++) await ensureFirstKey(directory, { digest: 'digest-1', origin: 'configured' })
  t.match(directory.findByDigest('digest-1'), { team: { id: 'default' }, key: { id: 'bootstrap', team: 'default', revision: 1 } })
  t.equal(directory.keysOf('default').length, 1)
})

t.test('another secret takes the place of the one before, and no other key is touched', async (t) => {
  const directory = await openDirectory(createMemoryAccounts(), clock)
  await ensureFirstKey(directory, { digest: 'digest-1', origin: 'configured' })
  await directory.createKey({ id: 'abcdefgh', team: 'default', digest: 'digest-2', settings: {} }, undefined)
  const key = directory.key('bootstrap')
  if (key === undefined) throw new Error('no first key')
  await directory.replaceKey(key, { settings: { name: 'kept' } }, undefined)
  await ensureFirstKey(directory, { digest: 'digest-3', origin: 'configured' })
  t.equal(directory.findByDigest('digest-1'), undefined)
  t.match(directory.findByDigest('digest-3'), { key: { id: 'bootstrap', settings: { name: 'kept' } } })
  t.ok(directory.findByDigest('digest-2'))
})

t.test('a secret that is known under another id is left there', async (t) => {
  const directory = await openDirectory(createMemoryAccounts(), clock)
  await directory.createTeam('default', {}, undefined)
  await directory.createKey({ id: 'abcdefgh', team: 'default', digest: 'digest-1', settings: {} }, undefined)
  await ensureFirstKey(directory, { digest: 'digest-1', origin: 'configured' })
  t.same(directory.keysOf('default').map(({ id }) => id), ['abcdefgh'])
})

t.test('a first key that was revoked is made anew', async (t) => {
  const directory = await openDirectory(createMemoryAccounts(), clock)
  await ensureFirstKey(directory, { digest: 'digest-1', origin: 'configured' })
  const key = directory.key('bootstrap')
  if (key === undefined) throw new Error('no first key')
  await directory.removeKey(key, undefined)
  await ensureFirstKey(directory, { digest: 'digest-1', origin: 'configured' })
  t.match(directory.key('bootstrap'), { digest: 'digest-1', revision: 3 })
})

t.test('gateways that start together agree', async (t) => {
  const store = createMemoryAccounts()
  const directories = await Promise.all(Array.from({ length: 5 }, () => openDirectory(store, clock)))
  await Promise.all(directories.map((directory) => ensureFirstKey(directory, { digest: 'digest-1', origin: 'configured' })))
  for (const directory of directories) {
    await directory.catchUp()
    t.match(directory.findByDigest('digest-1'), { key: { id: 'bootstrap', revision: 1 } })
  }
})

t.test('what goes on being in conflict ends', async (t) => {
  const directory = await openDirectory(createMemoryAccounts(), clock)
  let tries = 0
  const createTeam = async (): Promise<never> => {
    tries++
    throw new GatewayError('conflict', 'again')
  }
  await t.rejects(ensureFirstKey({ ...directory, createTeam }, { digest: 'digest-1', origin: 'configured' }), { message: 'again' })
  t.equal(tries, 5)
})

t.test('a key that a gateway has made for itself is for the first request of all', async (t) => {
  const directory = await openDirectory(createMemoryAccounts(), clock)
  await ensureFirstKey(directory, { digest: 'made-here', origin: 'made' })
  t.match(directory.findByDigest('made-here'), { key: { id: 'bootstrap' } })
  await ensureFirstKey(directory, { digest: 'made-elsewhere', origin: 'made' })
  t.ok(directory.findByDigest('made-here'), 'another gateway\'s key does not take its place')
  t.equal(directory.findByDigest('made-elsewhere'), undefined)
  const key = directory.key('bootstrap')
  if (key === undefined) throw new Error('no first key')
  await directory.removeKey(key, undefined)
  await ensureFirstKey(directory, { digest: 'made-here', origin: 'made' })
  t.equal(directory.findByDigest('made-here'), undefined, 'one that was revoked stays so')
})

t.test('a first key of the pepper before moves to the present one, and is good under both for a while', async (t) => {
  for (const origin of ['configured', 'made'] as const) {
    const directory = await openDirectory(createMemoryAccounts(), clock)
    await ensureFirstKey(directory, { digest: 'old-digest', origin })
    await ensureFirstKey(directory, { digest: 'new-digest', previousDigest: 'old-digest', origin })
    for (const digest of ['old-digest', 'new-digest']) t.match(directory.findByDigest(digest), { key: { id: 'bootstrap', digest: 'new-digest', revision: 2 } })
    await ensureFirstKey(directory, { digest: 'new-digest', previousDigest: 'old-digest', origin })
    t.equal(directory.key('bootstrap')?.revision, 2, 'once')
  }
})
