import t from 'tap'
import { DatabaseSync } from 'node:sqlite'
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ACCOUNTS_SCHEMA } from '../../../src/store/embedded/accounts-schema.ts'
import { createEmbeddedAccounts } from '../../../src/store/embedded/accounts.ts'
import { createEmbeddedLedger } from '../../../src/store/embedded/ledger.ts'
import { createEmbeddedLimitStore } from '../../../src/store/embedded/limits.ts'
import { createEmbeddedUsage } from '../../../src/store/embedded/usage.ts'
import { createManualClock } from '../../support/fixed.ts'
import { LIMITS_SCHEMA } from '../../../src/store/embedded/limits-schema.ts'
import { newDataFolder } from './data-folder.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'
import { inOrder, readAll, sumUp } from '../usage-contract.ts'

const INSERTION = "INSERT INTO limit_finals VALUES ('t', 'a#1', 1)"

/** As the first version made it, with something in it. */
const FIRST_VERSION = `CREATE TABLE keys (
     id TEXT PRIMARY KEY, team TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE ledger (
     request_id TEXT PRIMARY KEY, time_ms INTEGER NOT NULL, team TEXT NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL,
     upstream_model TEXT NOT NULL, surface TEXT NOT NULL, upstream TEXT NOT NULL, upstream_request_id TEXT, stream INTEGER NOT NULL,
     attempts INTEGER NOT NULL, outcome TEXT NOT NULL, error_kind TEXT, input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
     output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, usage_source TEXT NOT NULL, cost_nano INTEGER NOT NULL,
     currency TEXT, first_content_ms INTEGER, duration_ms INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX ledger_by_team ON ledger (team, time_ms);
   INSERT INTO keys VALUES ('abcdefgh', 'search', 'digest', 1);
   INSERT INTO ledger VALUES ('r', 1, 'search', 'abcdefgh', 'm', 'm', 'openai', 'bailian', NULL, 0, 1, 'completed', NULL, 1, 0, 2, 0, 'reported', 3, 'CNY', NULL, 9);
   PRAGMA user_version = 1`

function modeOf (path: string): number {
  return statSync(path).mode & 0o777
}

function schemaOf (database: DatabaseSync): unknown {
  return [database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all(), database.prepare('PRAGMA user_version').get()]
}

t.test('the folder and every file in it are their owner\'s alone', async (t) => {
  const folder = newDataFolder(t)
  const database = openDatabase(folder)
  database.exec(INSERTION)
  t.equal(modeOf(folder), 0o700)
  for (const file of readdirSync(folder)) t.equal(modeOf(join(folder, file)), 0o600, file)
  t.ok(readdirSync(folder).includes('dashgate.db'))
  database.close()
})

t.test('a database that others could read is closed to them', async (t) => {
  const folder = newDataFolder(t)
  openDatabase(folder).close()
  chmodSync(join(folder, 'dashgate.db'), 0o644)
  openDatabase(folder).close()
  t.equal(modeOf(join(folder, 'dashgate.db')), 0o600)
})

t.test('a second opening of the same folder is refused and harms nothing', async (t) => {
  const folder = newDataFolder(t)
  const database = openDatabase(folder)
  t.throws(() => openDatabase(folder), { message: `The data folder ${folder} is in use by another dashgate process.` })
  database.exec(INSERTION)
  database.close()
  const again = openDatabase(folder)
  t.match(again.prepare('SELECT count(*) AS count FROM limit_finals').get(), { count: 1 })
  again.close()
})

t.test('opening again changes neither the tables nor what is in them', async (t) => {
  const folder = newDataFolder(t)
  const database = openDatabase(folder)
  const schema = schemaOf(database)
  database.exec(INSERTION)
  database.close()
  for (let time = 0; time < 2; time++) {
    const again = openDatabase(folder)
    t.same(schemaOf(again), schema)
    t.match(again.prepare('SELECT * FROM limit_finals').all(), [{ team: 't', rid: 'a#1', born_ms: 1 }])
    again.close()
  }
})

t.test('a database of the first version is brought to this one, with what is in it', async (t) => {
  const folder = newDataFolder(t)
  mkdirSync(folder)
  const first = new DatabaseSync(join(folder, 'dashgate.db'))
  first.exec(FIRST_VERSION)
  first.close()
  const database = openDatabase(folder)
  t.match(await createEmbeddedLedger(database).find('r', 'search'), [{ requestId: 'r', costNano: 3, limits: [] }])
  t.match(await createEmbeddedAccounts(database).load(), { entries: [{ id: 'search' }, { id: 'abcdefgh', document: { team: 'search', digest: 'digest' } }] })
  const schema = schemaOf(database)
  database.close()
  const made = openDatabase(newDataFolder({ testdir: () => join(folder, 'another') }))
  t.same(schemaOf(made), schema)
  made.close()
})

/** Of the version before records had the ids of reservations for their keys. */
const THIRD_VERSION = `${FIRST_VERSION}; ${LIMITS_SCHEMA}; ${ACCOUNTS_SCHEMA};
   INSERT INTO ledger VALUES ('f', 3600000, 'search', 'k2', 'm', 'm', 'openai', 'bailian', NULL, 1, 2, 'failed', 'upstream_failed', 10, 0, 0, 0,
     'estimated', 5, 'CNY', 250, 5000, '[]');
   INSERT INTO ledger VALUES ('g', 7199999, 'search', 'k2', 'm', 'm', 'openai', 'bailian', NULL, 1, 1, 'completed', NULL, 10, 2, 4, 1, 'reported', 6,
     'CNY', NULL, 200, '[]');
   INSERT INTO ledger VALUES ('h', 7199999, 'search', 'k2', 'free', 'm', 'openai', 'bailian', NULL, 1, 1, 'client_closed', NULL, 1, 0, 1, 0,
     'reported', 0, NULL, NULL, 999999999, '[]');
   INSERT INTO expired_reservations VALUES
     ('search', 'lost#2', 99000, '{"bornMs":7200001,"note":"{\\"key\\":\\"k2\\",\\"model\\":\\"m\\",\\"surface\\":\\"openai\\"}","entries":[
       {"kind":"rate","id":"t.rpm","cost":1},{"kind":"rate","id":"k.k2.tpm","cost":77},{"kind":"budget","id":"b","cost":900,"windowId":"d"}]}'),
     ('search', 'settled#1', 99000, '{"bornMs":1,"note":"{\\"key\\":\\"k2\\"}","entries":[]}'),
     ('search', 'g#1', 99000, '{"bornMs":1,"note":"{\\"key\\":\\"k2\\"}","entries":[]}'),
     ('search', 'escrow:1:1', 99000, '{"bornMs":1,"note":"escrow","entries":[{"kind":"budget","id":"b","cost":1,"windowId":"d"}]}');
   INSERT INTO limit_finals VALUES ('search', 'settled#1', 1);
   INSERT INTO limit_reservations VALUES ('search', 'held#1', 5, '{"state":"held","bornMs":5,"note":"who","entries":[]}');
   PRAGMA user_version = 3`

t.test('a ledger of the third version is brought to this one, and the sums of its hours with it', async (t) => {
  const folder = newDataFolder(t)
  mkdirSync(folder)
  const third = new DatabaseSync(join(folder, 'dashgate.db'))
  third.exec(THIRD_VERSION)
  third.close()
  const database = openDatabase(folder)
  const ledger = createEmbeddedLedger(database)
  t.match(await ledger.find('f', 'search'), [{ attempt: 1, superseded: false, status: 502, outcome: 'failed', costNano: 5, firstContentMs: 250 }])
  t.match(await ledger.find('g', 'search'), [{ status: 200, outcome: 'completed' }])
  t.match(await ledger.find('lost', 'search'), [{
    timeMs: 7_200_001, keyId: 'k2', model: 'm', surface: 'openai', outcome: 'expired', status: 500, usage: { inputTokens: 77, source: 'estimated' }, costNano: 0
  }])
  t.same(await ledger.find('settled', 'search'), [])
  const records = (await ledger.list({ team: 'search', fromMs: 0, toMs: 9_000_000, limit: 10 })).map(({ record }) => record)
  t.same(records.map(({ requestId }) => requestId), ['h', 'g', 'f', 'lost', 'r'])

  t.same(inOrder(await readAll(createEmbeddedUsage(database), 'search', [0, 9_000_000])), sumUp(records))

  const clock = createManualClock(8_000_000)
  const store = createEmbeddedLimitStore(database, clock)
  const swept = store.renew({ team: 'search', rids: [] })
  store.close()
  t.match(await swept, { swept: 1 })
  t.same(await ledger.find('held', 'search'), [], 'nobody knows what it would have been')
  database.close()
})

t.test('a database of a newer version is refused, kept as it is, and not held', async (t) => {
  const folder = newDataFolder(t)
  openDatabase(folder).close()
  const file = join(folder, 'dashgate.db')
  const newer = new DatabaseSync(file)
  newer.exec('PRAGMA user_version = 999')
  newer.close()
  t.throws(() => openDatabase(folder), /version 999; this dashgate knows \d+/)
  const after = new DatabaseSync(file)
  t.match(after.prepare('PRAGMA user_version').get(), { user_version: 999 })
  t.doesNotThrow(() => after.exec('BEGIN EXCLUSIVE; COMMIT'))
  after.close()
})

t.test('a file that is no database is not said to be in use', async (t) => {
  const folder = newDataFolder(t)
  mkdirSync(folder)
  writeFileSync(join(folder, 'dashgate.db'), 'this is a letter and no database at all\n'.repeat(200))
  t.throws(() => openDatabase(folder), /not a database/)
})

t.test('a folder that cannot be made is an error', async (t) => {
  const folder = newDataFolder(t)
  writeFileSync(folder, '')
  t.throws(() => openDatabase(folder), { code: 'EEXIST' })
})
