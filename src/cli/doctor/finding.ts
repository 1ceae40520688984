/** One thing that was looked at. */
export interface Finding {
  /** What was looked at, in one word that scripts may rely on. */
  readonly check: string
  readonly level: Level
  /** What was found and what it means. */
  readonly message: string
  /** What to do about it. */
  readonly advice?: string
}

export type Level = 'ok' | 'warn' | 'fail'

/** Things that are looked at together, and beside all others. */
export interface Check {
  readonly name: string
  run (): Promise<readonly Finding[]>
}

/** What one check has to say, under its name. */
export function findingsFor (check: string) {
  return {
    ok: (message: string): Finding => ({ check, level: 'ok', message }),
    warn: (message: string, advice: string): Finding => ({ check, level: 'warn', message, advice }),
    fail: (message: string, advice: string): Finding => ({ check, level: 'fail', message, advice })
  }
}

export function counted (count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
