import type { DatabaseSync } from 'node:sqlite'
import { ACCOUNTS_SCHEMA } from './accounts-schema.ts'
import { AUDIT_SCHEMA } from './audit-schema.ts'
import { IDEMPOTENCY_SCHEMA } from './idempotency-schema.ts'
import { LEDGER_SCHEMA } from './ledger-schema.ts'
import { LIMITS_SCHEMA } from './limits-schema.ts'
import { openExclusively } from '../sqlite-file.ts'

export const DATABASE_FILE = 'dashgate.db'

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
  ACCOUNTS_SCHEMA,
  AUDIT_SCHEMA,
  LEDGER_SCHEMA,
  IDEMPOTENCY_SCHEMA
]

/** What a database that this program has opened is of. */
export const DATABASE_VERSION = MIGRATIONS.length

/**
 * Opens the embedded database, for this process alone: a second gateway on the same folder is refused, because both
 * would believe themselves the only one to count.
 * @throws Error where the folder is in use or cannot be written, or the file is no database of this version or an older one
 */
export function openDatabase (dataDir: string): DatabaseSync {
  const database = openExclusively(dataDir, DATABASE_FILE)
  try {
    migrate(database)
  } catch (cause) {
    database.close()
    throw cause
  }
  return database
}

function migrate (database: DatabaseSync): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version > MIGRATIONS.length) throw new Error(`The database is of version ${version}; this dashgate knows ${MIGRATIONS.length}.`)
  for (let next = version; next < MIGRATIONS.length; next++) {
    database.exec(`BEGIN; ${MIGRATIONS[next]}; PRAGMA user_version = ${next + 1}; COMMIT`)
  }
}
