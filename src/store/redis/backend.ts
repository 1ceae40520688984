import { randomUUID } from 'node:crypto'
import { checkStore } from './checks.ts'
import { createRedisAccounts } from './accounts.ts'
import { createRedisLedger } from './ledger.ts'
import { createRedisLimitStore } from './limits.ts'
import { createRedisRefusals } from './refusals.ts'
import { CALL_TIMEOUT_MS } from './failures.ts'
import { openRedisConnection } from './connection.ts'
import { openSpool } from '../spool.ts'
import type { Backend } from '../backend.ts'
import type { Clock } from '../../core/clock.ts'
import type { RedisConnection } from './connection.ts'
import type { RedisLimitStore } from './limits.ts'
import type { Report } from '../../limits/trouble.ts'

export interface RedisSettings {
  readonly url: string
  /** How long a reservation may wait on one connection. */
  readonly reserveTimeoutMs: number
  /** Where the spool is. */
  readonly dataDir: string
}

export interface RedisBackendDeps {
  readonly clock: Clock
  readonly random: () => number
  readonly report: Report
  /** Told of refusals that could not be written down. */
  readonly refusalsLost: (count: number, cause: unknown) => void
}

/** How long a start waits for the store before it goes on without. */
const FIRST_CONTACT_TIMEOUT_MS = 1_000

/**
 * A store that gateways share. One that is not there yet is waited for, but not for long.
 * @throws Error where the data folder cannot be used, or for a bad URL
 */
export async function openRedisBackend (settings: RedisSettings, deps: RedisBackendDeps): Promise<Backend> {
  const { url, reserveTimeoutMs, dataDir } = settings
  const { clock, random, report, refusalsLost } = deps
  const spool = openSpool(dataDir, { clock, report, createId: randomUUID })
  const connecting = { random, scriptLoaded: () => report({ kind: 'script_loaded' }) }
  const [main, spare] = [openRedisConnection(url, connecting), openRedisConnection(url, connecting)]
  await firstContact([main, spare], clock)
  const timeoutMs = { reserve: reserveTimeoutMs, other: CALL_TIMEOUT_MS }
  const limitsOver = (connection: RedisConnection): RedisLimitStore => createRedisLimitStore({ connection, clock, timeoutMs })
  const refusals = createRedisRefusals({ connection: spare, clock, onLost: refusalsLost })
  const limits = limitsOver(spare)
  return {
    limits: { main: limitsOver(main), spare: limits },
    accounts: createRedisAccounts(spare.client),
    ledger: createRedisLedger({ connection: spare, clock }),
    refusals,
    spool,
    teamsHeld: [],
    problems: () => checkStore(main, clock),
    onReconnect (listener) { main.onReady(listener) },
    trim: limits.trimLedger,
    async close () {
      await refusals.close()
      main.close()
      spare.close()
      spool.close()
    }
  }
}

async function firstContact (connections: readonly RedisConnection[], clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const stopTimer = clock.setTimer(FIRST_CONTACT_TIMEOUT_MS, () => resolve(undefined))
  let missing = connections.length
  for (const connection of connections) connection.onReady(() => { if (--missing === 0) resolve(undefined) })
  await promise
  stopTimer()
}
