import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'

/**
 * Makes the data folder where there is none yet, for its owner alone.
 * @throws Error where it cannot be made
 */
export function makeDataFolder (dataDir: string): void {
  // Below a working directory that has been removed, Node would go on trying to make a relative path for ever.
  mkdirSync(resolve(dataDir), { recursive: true, mode: 0o700 })
}
