import t from 'tap'
import { DatabaseSync } from 'node:sqlite'
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newDataFolder } from './data-folder.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'

function modeOf (path: string): number {
  return statSync(path).mode & 0o777
}

function schemaOf (database: DatabaseSync): unknown {
  return [database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all(), database.prepare('PRAGMA user_version').get()]
}

t.test('the folder and every file in it are their owner\'s alone', async (t) => {
  const folder = newDataFolder(t)
  const database = openDatabase(folder)
  database.exec("INSERT INTO keys VALUES ('a', 't', 'd', 1)")
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
  database.exec("INSERT INTO keys VALUES ('a', 't', 'd', 1)")
  database.close()
  const again = openDatabase(folder)
  t.match(again.prepare('SELECT count(*) AS count FROM keys').get(), { count: 1 })
  again.close()
})

t.test('opening again changes neither the tables nor what is in them', async (t) => {
  const folder = newDataFolder(t)
  const database = openDatabase(folder)
  const schema = schemaOf(database)
  database.exec("INSERT INTO keys VALUES ('a', 't', 'd', 1)")
  database.close()
  for (let time = 0; time < 2; time++) {
    const again = openDatabase(folder)
    t.same(schemaOf(again), schema)
    t.match(again.prepare('SELECT * FROM keys').all(), [{ id: 'a', team: 't', digest: 'd', created_ms: 1 }])
    again.close()
  }
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
  after.exec('PRAGMA user_version = 1')
  after.close()
  openDatabase(folder).close()
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
