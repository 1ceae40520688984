import t from 'tap'
import { DatabaseSync } from 'node:sqlite'
import { accountContract, DRAFT, keyEntry, teamEntry } from '../account-contract.ts'
import { ACCOUNTS_SCHEMA } from '../../../src/store/embedded/accounts-schema.ts'
import { AUDIT_SCHEMA } from '../../../src/store/embedded/audit-schema.ts'
import { createEmbeddedAccounts } from '../../../src/store/embedded/accounts.ts'
import { newDataFolder } from './data-folder.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'

t.test('the embedded store keeps teams and keys', async (t) => {
  await accountContract(t, async (t) => {
    const database = openDatabase(newDataFolder(t))
    t.teardown(() => database.close())
    return { store: createEmbeddedAccounts(database), other: createEmbeddedAccounts(database) }
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
