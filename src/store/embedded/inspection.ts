import { DatabaseSync } from 'node:sqlite'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DATABASE_FILE, DATABASE_VERSION } from './database.ts'
import { isBusy } from '../sqlite-file.ts'

/** How the embedded database is found from outside. `in_use` is what a running gateway leaves to see. */
export type DatabaseState =
  | { readonly state: 'absent' }
  | { readonly state: 'in_use' }
  | { readonly state: 'unreadable', readonly reason: string }
  | { readonly state: 'free', readonly version: number, readonly knownVersion: number }

/**
 * Looks at the database without changing what is in it. It is not opened for reading alone: such a connection leaves the
 * journal's files behind.
 */
export function inspectDatabase (dataDir: string): DatabaseState {
  const path = join(dataDir, DATABASE_FILE)
  if (!existsSync(path)) return { state: 'absent' }
  try {
    const database = new DatabaseSync(path, { timeout: 0 })
    try {
      database.exec('PRAGMA query_only = ON')
      const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
      database.prepare('SELECT count(*) FROM sqlite_schema').get()
      return { state: 'free', version, knownVersion: DATABASE_VERSION }
    } finally {
      database.close()
    }
  } catch (error) {
    if (isBusy(error)) return { state: 'in_use' }
    return { state: 'unreadable', reason: error instanceof Error ? error.message : String(error) }
  }
}
