import { chmodSync, writeFileSync } from 'node:fs'
import { CliError, EXIT_CODES } from './context.ts'

/**
 * Writes a file that its owner alone may read. One that is there is left alone unless `force` is set.
 * @throws CliError
 */
export function writeOwnFile (path: string, text: string, force: boolean): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: force ? 'w' : 'wx' })
    // The mode above is that of a new file only.
    chmodSync(path, 0o600)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      throw new CliError(EXIT_CODES.failed, `${path} is there already; --force writes over it.`, { cause })
    }
    throw new CliError(EXIT_CODES.failed, `${path} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
