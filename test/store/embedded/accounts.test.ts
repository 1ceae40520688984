import t from 'tap'
import { DatabaseSync } from 'node:sqlite'
import { accountContract, DRAFT, keyEntry, teamEntry } from '../account-contract.ts'
import { ACCOUNTS_SCHEMA } from '../../../src/store/embedded/accounts-schema.ts'
import { AUDIT_SCHEMA } from '../../../src/store/embedded/audit-schema.ts'
import { createEmbeddedAccounts } from '../../../src/store/embedded/accounts.ts'
import { verifyChain } from '../../../src/accounts/audit.ts'
import { wholeLog } from '../audit-contract.ts'
import { newDataFolder } from './data-folder.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'

t.test('the embedded store keeps teams and keys', async (t) => {
  await accountContract(t, async (t) => {
    const database = openDatabase(newDataFolder(t))
    t.teardown(() => database.close())
    const [store, other, third] = [createEmbeddedAccounts(database), createEmbeddedAccounts(database), createEmbeddedAccounts(database)]
    return { store, other, third }
  })
})

t.test('teams and keys are still there when the gateway starts again', async (t) => {
  const folder = newDataFolder(t)
  const database = openDatabase(folder)
  const store = createEmbeddedAccounts(database)
  await store.put(teamEntry('search', 1), DRAFT)
  await store.put(keyEntry('abcdefgh', 1), DRAFT)
  const { cursor } = await store.load()
  database.close()
  const again = openDatabase(folder)
  t.strictSame(await createEmbeddedAccounts(again).load(), { entries: [teamEntry('search', 1), keyEntry('abcdefgh', 1)], cursor })
  again.close()
})

t.test('a cursor from beyond the last change is of a store that has lost something', async (t) => {
  const database = openDatabase(newDataFolder(t))
  t.teardown(() => database.close())
  t.same(await createEmbeddedAccounts(database).changesSince('1'), { status: 'lost' })
})

t.test('keys of a gateway that knew no teams yet get theirs', async (t) => {
  const database = new DatabaseSync(':memory:')
  t.teardown(() => database.close())
  database.exec(`CREATE TABLE keys (id TEXT, team TEXT, digest TEXT, created_ms INTEGER);
    INSERT INTO keys VALUES ('bootstrap', 'default', 'digest-1', 7), ('abcdefgh', 'default', 'digest-2', 5), ('zzzzzzzz', 'search', 'digest-3', 9)`)
  database.exec(ACCOUNTS_SCHEMA)
  database.exec(AUDIT_SCHEMA)
  const store = createEmbeddedAccounts(database)
  t.strictSame((await store.load()).entries.map(({ document }) => document), [
    { id: 'default', settings: {}, createdMs: 5, revision: 1 },
    { id: 'search', settings: {}, createdMs: 9, revision: 1 },
    { id: 'abcdefgh', team: 'default', digest: 'digest-2', settings: {}, createdMs: 5, revision: 1, former: [] },
    { id: 'bootstrap', team: 'default', digest: 'digest-1', settings: {}, createdMs: 7, revision: 1, former: [] },
    { id: 'zzzzzzzz', team: 'search', digest: 'digest-3', settings: {}, createdMs: 9, revision: 1, former: [] }
  ])
  t.strictSame(database.prepare("SELECT name FROM sqlite_schema WHERE name = 'keys'").all(), [])
  await store.put(teamEntry('default', 2), DRAFT)
})

t.test('the audit log only grows, whoever tries', async (t) => {
  const database = openDatabase(newDataFolder(t))
  t.teardown(() => database.close())
  const store = createEmbeddedAccounts(database)
  for (let count = 0; count < 3; count++) await store.append(DRAFT)
  for (const statement of ["UPDATE audit SET entry = '{}'", 'DELETE FROM audit WHERE seq = 2', 'DELETE FROM audit']) {
    t.throws(() => database.exec(statement), { message: 'the audit log only grows' })
  }
  t.match(verifyChain(await wholeLog(store)), { ok: true, head: { seq: 3 } })
})

t.test('an entry that was taken away by force is missed, also where it was the last', async (t) => {
  const database = openDatabase(newDataFolder(t))
  t.teardown(() => database.close())
  const store = createEmbeddedAccounts(database)
  for (let count = 0; count < 3; count++) await store.append(DRAFT)
  database.exec('DROP TRIGGER audit_is_not_shortened; DELETE FROM audit WHERE seq = 3')
  await store.append(DRAFT)
  t.match(verifyChain(await wholeLog(store)), { ok: false, seq: 4 })
})

t.test('a write whose entry cannot be kept is not done', async (t) => {
  const database = openDatabase(newDataFolder(t))
  t.teardown(() => database.close())
  const store = createEmbeddedAccounts(database)
  database.exec("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'the disk is full'); END")
  await t.rejects(store.put(teamEntry('search', 1), DRAFT), { message: 'the disk is full' })
  t.same((await store.load()).entries, [])
  database.exec('DROP TRIGGER full')
  await store.put(teamEntry('search', 1), DRAFT)
  t.equal((await wholeLog(store)).length, 1)
})

t.test('the audit log goes on behind a restart', async (t) => {
  const folder = newDataFolder(t)
  for (let starts = 0; starts < 3; starts++) {
    const database = openDatabase(folder)
    await createEmbeddedAccounts(database).append(DRAFT)
    database.close()
  }
  const database = openDatabase(folder)
  t.teardown(() => database.close())
  t.match(verifyChain(await wholeLog(createEmbeddedAccounts(database))), { ok: true, head: { seq: 3 } })
})
