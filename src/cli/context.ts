import { styleText } from 'node:util'
import type { Environment } from '../config/variables.ts'

/** What a command may touch of the process it runs in. */
export interface CliContext {
  readonly environment: Environment
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
}

/** 0: done. 1: it went wrong. 2: the command line or the configuration is wrong. */
export const EXIT_CODES = { done: 0, failed: 1, misused: 2 } as const

export type ExitCode = typeof EXIT_CODES[keyof typeof EXIT_CODES]

/** Ends a command with a message for people and an exit code for scripts; without one where everything has been said. */
export class CliError extends Error {
  readonly exitCode: ExitCode

  constructor (exitCode: ExitCode, message = '', options?: ErrorOptions) {
    super(message, options)
    this.name = 'CliError'
    this.exitCode = exitCode
  }
}

export function printLine (stream: NodeJS.WriteStream, text: string): void {
  stream.write(`${text}\n`)
}

export function printJson (stream: NodeJS.WriteStream, value: unknown): void {
  printLine(stream, JSON.stringify(value))
}

/** Styled on terminals alone, and not where NO_COLOR is set. */
export function styled (stream: NodeJS.WriteStream, style: 'bold' | 'yellow' | 'red' | 'green', text: string): string {
  return styleText(style, text, { stream })
}
