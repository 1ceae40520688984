import { randomUUID } from 'node:crypto'
import { checkStore } from './checks.ts'
import { createRedisAccounts } from './accounts.ts'
import { createRedisIdempotency } from './idempotency.ts'
import { createRedisLedger } from './ledger.ts'
import { createRedisLimitStore } from './limits.ts'
import { createRedisRefusals } from './refusals.ts'
import { createRedisUsage } from './usage.ts'
import { CALL_TIMEOUT_MS } from './failures.ts'
import { openRedisConnection } from './connection.ts'
import { openSpool } from '../spool.ts'
import { trimLedger } from './trimming.ts'
import type { Backend } from '../backend.ts'
import type { Clock } from '../../core/clock.ts'
import type { RedisConnection } from './connection.ts'
import type { LimitStore } from '../../limits/store.ts'
import type { Report } from '../../limits/trouble.ts'
import type { Retention } from '../retention.ts'

export interface RedisSettings {
  readonly url: string
  /** How long a reservation may wait on one connection. */
  readonly reserveTimeoutMs: number
  /** Where the spool is. */
  readonly dataDir: string
  readonly retention: Retention
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
  const { url, reserveTimeoutMs, dataDir, retention } = settings
  const { clock, random, report, refusalsLost } = deps
  const spool = openSpool(dataDir, { clock, report, createId: randomUUID })
  const connecting = { random, scriptLoaded: () => report({ kind: 'script_loaded' }) }
  const [main, spare] = [openRedisConnection(url, connecting), openRedisConnection(url, connecting)]
  await firstContact([main, spare], clock)
  const timeoutMs = { reserve: reserveTimeoutMs, other: CALL_TIMEOUT_MS }
  const limitsOver = (connection: RedisConnection): LimitStore =>
    createRedisLimitStore({ connection, clock, timeoutMs, retention })
  const refusals = createRedisRefusals({ connection: spare, clock, onLost: refusalsLost })
  return {
    limits: { main: limitsOver(main), spare: limitsOver(spare) },
    accounts: createRedisAccounts(spare.client),
    idempotency: createRedisIdempotency(spare.client),
    ledger: createRedisLedger({ connection: spare, clock }),
    refusals,
    usage: createRedisUsage({ connection: spare, clock }),
    spool,
    teamsHeld: [],
    problems: () => checkStore(main, clock),
    onReconnect (listener) { main.onReady(listener) },
    async trim (teams) {
      for (const team of teams) await trimLedger(team, retention, { connection: spare, clock })
    },
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
