import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { ACCOUNTS_SCHEMA } from './accounts-schema.ts'
import { LIMITS_SCHEMA } from './limits-schema.ts'

const FILE = 'dashgate.db'
const BUSY_TIMEOUT_MS = 2_000
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6

/** Each entry brings a database from its index to the next version; entries are only ever added. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE keys (
     id TEXT PRIMARY KEY, team TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE ledger (
     request_id TEXT PRIMARY KEY, time_ms INTEGER NOT NULL, team TEXT NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL,
     upstream_model TEXT NOT NULL, surface TEXT NOT NULL, upstream TEXT NOT NULL, upstream_request_id TEXT, stream INTEGER NOT NULL,
     attempts INTEGER NOT NULL, outcome TEXT NOT NULL, error_kind TEXT, input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
     output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, usage_source TEXT NOT NULL, cost_nano INTEGER NOT NULL,
     currency TEXT, first_content_ms INTEGER, duration_ms INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX ledger_by_team ON ledger (team, time_ms)`,
  LIMITS_SCHEMA,
  ACCOUNTS_SCHEMA
]

/**
 * Opens the embedded database, for this process alone: a second gateway on the same folder is refused, because both
 * would believe themselves the only one to count.
 * @throws Error where the folder is in use or cannot be written, or the file is no database of this version or an older one
 */
export function openDatabase (dataDir: string): DatabaseSync {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, FILE)
  if (!existsSync(path)) closeSync(openSync(path, 'w', 0o600))
  chmodSync(path, 0o600)
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    // The lock is taken before the journal mode changes, so that the losing process has changed nothing. A commit in this mode
    // is with the operating system: it outlives this process however that ends, and a failing power supply may take back the
    // last few of them, but never a part of one.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN EXCLUSIVE; COMMIT')
    migrate(database)
  } catch (cause) {
    database.close()
    throw isBusy(cause) ? new Error(`The data folder ${dataDir} is in use by another dashgate process.`, { cause }) : cause
  }
  return database
}

function isBusy (cause: unknown): boolean {
  return cause instanceof Error && 'errcode' in cause && (cause.errcode === SQLITE_BUSY || cause.errcode === SQLITE_LOCKED)
}

function migrate (database: DatabaseSync): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version > MIGRATIONS.length) throw new Error(`The database is of version ${version}; this dashgate knows ${MIGRATIONS.length}.`)
  for (let next = version; next < MIGRATIONS.length; next++) {
    database.exec(`BEGIN; ${MIGRATIONS[next]}; PRAGMA user_version = ${next + 1}; COMMIT`)
  }
}
