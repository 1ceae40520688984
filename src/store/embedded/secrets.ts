import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDataFolder } from '../data-folder.ts'

/**
 * A secret that lives in a file of the data folder, made on first use and readable by its owner alone.
 * @param create makes the secret where there is none yet
 */
export function fileSecret (dataDir: string, name: string, create: () => string): string {
  const path = join(dataDir, name)
  makeDataFolder(dataDir)
  try {
    writeFileSync(path, `${create()}\n`, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
  }
  return readFileSync(path, 'utf8').trim()
}
