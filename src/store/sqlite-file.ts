import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { makeDataFolder } from './data-folder.ts'

const BUSY_TIMEOUT_MS = 2_000
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6

/**
 * Opens a database file of the data folder, for this process alone and readable by its owner alone. A commit is with the
 * operating system: it outlives this process however that ends, and a failing power supply may take back the last few of
 * them, but never a part of one.
 * @throws Error where another process has it, or the folder cannot be written
 */
export function openExclusively (dataDir: string, name: string): DatabaseSync {
  makeDataFolder(dataDir)
  const path = join(dataDir, name)
  if (!existsSync(path)) closeSync(openSync(path, 'w', 0o600))
  chmodSync(path, 0o600)
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    // The lock is taken before the journal mode changes, so that the losing process has changed nothing.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN EXCLUSIVE; COMMIT')
    return database
  } catch (cause) {
    database.close()
    throw isBusy(cause) ? new Error(`The data folder ${dataDir} is in use by another dashgate process.`, { cause }) : cause
  }
}

/** True where another process has the file. */
export function isBusy (cause: unknown): boolean {
  return cause instanceof Error && 'errcode' in cause && (cause.errcode === SQLITE_BUSY || cause.errcode === SQLITE_LOCKED)
}
