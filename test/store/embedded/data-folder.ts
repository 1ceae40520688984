import { join } from 'node:path'

/** A path for a data folder that is not there yet; what is made there goes with the test. */
export function newDataFolder (t: { testdir (): string }): string {
  return join(t.testdir(), 'data')
}
