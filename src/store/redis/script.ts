import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BUCKET_UNITS } from '../../limits/claim.ts'
import { DAY_MS } from '../retention.ts'
import { HOUR_MS } from './keys.ts'
import { DURATIONS_AT, FIRST_CONTENTS_AT, RECORD_PATTERN, ROW_BYTES } from './packed-record.ts'
import { BIRTH_AHEAD_MS_MAX, BIRTH_MS_MAX, FINAL_GRACE_MS, FINAL_MEMORY_MS, HOLD_MS_MAX, LEASE_MS, SWEEP_RESERVATIONS_MAX } from '../../limits/store.ts'
import type { RedisConnection } from './connection.ts'

export interface Script {
  readonly source: string
  readonly sha: string
}

/** Windows of a budget that are kept without asking whether they can still be charged. */
const WINDOWS_KEPT_MAX = 4

/** In the scripts, these stand where their names are written: no call has to look them up. */
const CONSTANTS: Readonly<Record<string, number | string>> = {
  BIRTH_AHEAD_MS_MAX,
  BIRTH_MS_MAX,
  BUCKET_UNITS,
  DAY_MS,
  DURATIONS_AT,
  EXPIRED_KEPT_MS: FINAL_MEMORY_MS + FINAL_GRACE_MS,
  FINAL_MEMORY_MS,
  FIRST_CONTENTS_AT,
  HOLD_MS_MAX,
  HOUR_MS,
  LEASE_MS,
  RECORD_PATTERN: `'${RECORD_PATTERN}'`,
  ROW_BYTES,
  SWEEP_RESERVATIONS_MAX,
  WINDOWS_KEPT_MAX
}

/** Without flags a script is refused as a whole where memory is full. Those that give something back or end it must go on. */
export const SCRIPTS = {
  reserve: script('#!lua', ['start', 'record', 'sweep', 'reserve']),
  settle: script('#!lua flags=allow-oom', ['start', 'record', 'settle']),
  renew: script('#!lua flags=allow-oom', ['start', 'record', 'sweep', 'renew']),
  hold: script('#!lua flags=allow-oom', ['start', 'hold']),
  refuse: script('#!lua', ['refuse'])
}

function script (shebang: string, parts: readonly string[]): Script {
  const texts = parts.map((part) => readFileSync(join(import.meta.dirname, 'lua', `${part}.lua`), 'utf8'))
  const body = texts.join('').replace(/\b[A-Z][A-Z_]+\b/g, (name) => String(CONSTANTS[name] ?? name))
  const source = `${shebang}\n${body}`
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

/** One call of a script on the keys of one team. */
export interface ScriptCall {
  readonly keys: readonly string[]
  readonly words: readonly (string | number)[]
}

/**
 * Redis forgets scripts whenever it likes, so a call that names one must be ready to bring it along. ioredis would do so once
 * and then give up.
 */
export async function runScript (
  { client, scriptLoaded }: Pick<RedisConnection, 'client' | 'scriptLoaded'>, script: Script, { keys, words }: ScriptCall
): Promise<unknown> {
  try {
    return await client.evalsha(script.sha, keys.length, ...keys, ...words)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    scriptLoaded()
    return await client.eval(script.source, keys.length, ...keys, ...words)
  }
}
