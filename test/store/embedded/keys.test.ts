import t from 'tap'
import { createEmbeddedKeys } from '../../../src/store/embedded/keys.ts'
import { newDataFolder } from './data-folder.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'

const KEY = { keyId: 'abcdefgh', team: 'search', digest: 'digest-1' }

t.test('a key is found by its digest and by nothing else', async (t) => {
  const database = openDatabase(newDataFolder(t))
  const keys = createEmbeddedKeys(database)
  t.equal(keys.size, 0)
  keys.add(KEY, 1)
  t.strictSame(keys.findByDigest('digest-1'), { team: 'search', keyId: 'abcdefgh' })
  for (const digest of ['', 'digest', 'abcdefgh', 'search', '__proto__', 'constructor']) t.equal(keys.findByDigest(digest), undefined)
  t.equal(keys.size, 1)
  database.close()
})

t.test('keys are still there when the gateway starts again', async (t) => {
  const folder = newDataFolder(t)
  const database = openDatabase(folder)
  const keys = createEmbeddedKeys(database)
  keys.add(KEY, 1)
  keys.add({ keyId: '模型', team: "o'team", digest: 'digest-2' }, Date.UTC(2026, 0, 1))
  database.close()
  const again = openDatabase(folder)
  const kept = createEmbeddedKeys(again)
  t.equal(kept.size, 2)
  t.strictSame(kept.findByDigest('digest-1'), { team: 'search', keyId: 'abcdefgh' })
  t.strictSame(kept.findByDigest('digest-2'), { team: "o'team", keyId: '模型' })
  again.close()
})

t.test('a digest that is known stays with its first owner', async (t) => {
  const folder = newDataFolder(t)
  const database = openDatabase(folder)
  const keys = createEmbeddedKeys(database)
  keys.add(KEY, 1)
  keys.add({ ...KEY, keyId: 'other', team: 'other' }, 2)
  t.equal(keys.size, 1)
  t.equal(keys.findByDigest('digest-1')?.team, 'search')
  t.match(database.prepare('SELECT id, created_ms FROM keys').all(), [{ id: 'abcdefgh', created_ms: 1 }])
  database.close()
})

t.test('a new key under a known id takes the old one\'s place, now and after a start', async (t) => {
  const folder = newDataFolder(t)
  const database = openDatabase(folder)
  const keys = createEmbeddedKeys(database)
  keys.add(KEY, 1)
  keys.add({ ...KEY, digest: 'digest-2' }, 2)
  t.equal(keys.findByDigest('digest-1'), undefined)
  t.equal(keys.findByDigest('digest-2')?.keyId, 'abcdefgh')
  database.close()
  const again = openDatabase(folder)
  const kept = createEmbeddedKeys(again)
  t.equal(kept.findByDigest('digest-1'), undefined)
  t.equal(kept.findByDigest('digest-2')?.keyId, 'abcdefgh')
  t.equal(kept.size, 1)
  again.close()
})

t.test('all keys but one can be forgotten, for good', async (t) => {
  const folder = newDataFolder(t)
  const database = openDatabase(folder)
  const keys = createEmbeddedKeys(database)
  keys.add(KEY, 1)
  keys.add({ keyId: 'second', team: 'search', digest: 'digest-2' }, 2)
  keys.removeAllBut('second')
  t.equal(keys.findByDigest('digest-1'), undefined)
  t.match(keys.findByDigest('digest-2'), { keyId: 'second' })
  database.close()
  const again = openDatabase(folder)
  t.equal(createEmbeddedKeys(again).size, 1)
  again.close()
})
