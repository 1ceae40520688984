import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { CliError, EXIT_CODES } from './context.ts'

/** The text of a file, or of standard input where the path is `-`. @throws CliError */
export async function readInput (path: string): Promise<string> {
  if (path === '-') return await text(process.stdin)
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new CliError(EXIT_CODES.misused, `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/**
 * A secret out of a file, or standard input where that is `-`. Never out of an argument: a process list shows those.
 * @throws CliError
 */
export async function readSecret (path: string): Promise<string> {
  const secret = (await readInput(path)).trim()
  if (secret !== '' && !secret.includes('\n')) return secret
  throw new CliError(EXIT_CODES.misused, `${path === '-' ? 'Standard input' : path} must hold the secret, on one line, and nothing else.`)
}
