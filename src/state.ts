import { createAccounting } from './limits/accounting.ts'
import { createAuditLog } from './accounts/audit.ts'
import { createKeyring } from './upstream/keyring.ts'
import { createRepeating } from './limits/repeating.ts'
import { DAY_MS } from './store/retention.ts'
import { durationMs } from './config/scalars.ts'
import { ensureFirstKey } from './accounts/first-key.ts'
import { followAccounts } from './accounts/follow.ts'
import { openDatabase } from './store/embedded/database.ts'
import { openDirectory } from './accounts/directory.ts'
import { openEmbeddedBackend } from './store/embedded/backend.ts'
import { openLateDirectory } from './accounts/late-directory.ts'
import { reencryptStoredKeys } from './upstream/reencrypt.ts'
import { StoreUnavailable } from './limits/store.ts'
import type { Accounting } from './limits/accounting.ts'
import type { AuditLog } from './accounts/audit.ts'
import type { Backend } from './store/backend.ts'
import type { Clock } from './core/clock.ts'
import type { Config } from './config/schema.ts'
import type { Directory } from './accounts/directory.ts'
import type { FirstKey } from './accounts/first-key.ts'
import type { Keyring } from './upstream/keyring.ts'
import type { Logger } from './observe/logger.ts'
import type { Metrics } from './observe/metrics.ts'
import type { Observers } from './observe/observers.ts'
import type { Repeating } from './limits/repeating.ts'
import type { Readiness } from './http/health.ts'
import type { StoreFigures } from './observe/store-metrics.ts'
import type { Vault } from './upstream/vault.ts'

/** What outlives a request: limits, accounts and records, and what keeps them right. */
export interface State {
  readonly backend: Backend
  readonly accounting: Accounting
  readonly directory: Directory
  readonly audit: AuditLog
  readonly keyring: Keyring
  /** The store's time, as far as it is known: what ends, ends on every gateway at once. */
  readonly storeClock: StoreClock
  /** The ids of all teams; none before the store has been read. */
  knownTeams (): readonly string[]
  readiness (): Exclude<Readiness, 'draining'>
  /** @param settleTimeoutMs how long settlements that the store does not take are tried again */
  close (settleTimeoutMs: number): Promise<void>
}

type StoreClock = Pick<Clock, 'nowMs'>

export interface StateDeps {
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly metrics: Metrics
  readonly observers: Observers
  /** New at every start. */
  readonly bootId: string
  readonly firstKey: FirstKey
  readonly vault: Vault
}

/**
 * Opens whichever store is configured. One that is away is waited for in the background, while `readiness` says `starting`.
 * @throws Error where the store is unfit to keep budgets, or the data folder cannot be used
 */
export async function openState (config: Config, deps: StateDeps): Promise<State> {
  const backend = await openBackend(config, deps)
  try {
    return await openParts(config, backend, deps)
  } catch (cause) {
    await backend.close()
    throw cause
  }
}

async function openParts (config: Config, backend: Backend, deps: StateDeps): Promise<State> {
  const { clock, metrics, observers } = deps
  const accounting = createAccounting(backend.limits, {
    clock,
    random: deps.random,
    bootId: deps.bootId,
    replicas: config.store.replicas,
    spool: backend.spool,
    teams: () => [...new Set([...backend.teamsHeld, ...knownTeams()])],
    report: observers.trouble,
    charged: observers.charged
  })
  const storeClock: StoreClock = { nowMs: () => clock.nowMs() + accounting.skewMs }
  metrics.store.watch(() => figuresOf(accounting))
  let stopFollowing = (): void => {}
  // Before the store has been read nobody knows any team.
  const knownTeams = (): string[] => late.isOpen ? late.directory.teams().map(({ id }) => id) : []
  const late = await openLateDirectory(async () => await openAccounts(backend, storeClock, deps), {
    clock,
    opened (directory) {
      stopFollowing = followAccounts(directory, { clock, stateChanged: (state) => logFollowing(state, deps) })
    },
    failed: (cause) => observers.trouble({ kind: 'upkeep_failed', cause })
  })
  const inspection = await inspect(backend, deps)
  const trimming = keepTrimmed(backend, knownTeams, deps)
  backend.onReconnect(() => accounting.suspect())
  await accounting.start()
  return {
    backend,
    accounting,
    directory: late.directory,
    audit: createAuditLog(backend.accounts, storeClock),
    keyring: openKeyring(late.directory, deps),
    storeClock,
    knownTeams,
    readiness () {
      if (!late.isOpen) return 'starting'
      return accounting.isStoreUp ? 'ok' : 'degraded'
    },
    async close (settleTimeoutMs) {
      late.stop()
      stopFollowing()
      inspection.stop()
      trimming.stop()
      await accounting.close(settleTimeoutMs)
      await backend.close()
    }
  }
}

function figuresOf ({ breaker, skewMs, settlements }: Accounting): StoreFigures {
  return { breaker, skewMs, pending: settlements.pending, oldestMs: settlements.oldestMs() }
}

async function openBackend (config: Config, { clock, random, observers }: StateDeps): Promise<Backend> {
  const { data_dir: dataDir, redis_url: redisUrl } = config.store
  const { ledger_days: ledgerDays, usage_days: usageDays } = config.store.retention
  const retention = { ledgerMs: ledgerDays * DAY_MS, usageMs: usageDays * DAY_MS }
  if (redisUrl === '') return openEmbeddedBackend(openDatabase(dataDir), { clock, retention, refusalsLost: observers.refusalsLost })
  // A gateway with its own store starts sooner without a client for another.
  const { openRedisBackend } = await import('./store/redis/backend.ts')
  const settings = { url: redisUrl, reserveTimeoutMs: durationMs(config.store.timeout), dataDir, retention }
  return await openRedisBackend(settings, { clock, random, report: observers.trouble, refusalsLost: observers.refusalsLost })
}

async function openAccounts (backend: Backend, storeClock: StoreClock, { firstKey, vault }: StateDeps): Promise<Directory> {
  const directory = await openDirectory(backend.accounts, storeClock)
  await ensureFirstKey(directory, firstKey)
  await reencryptStoredKeys(directory, vault)
  return directory
}

function openKeyring (directory: Directory, { vault, logger }: StateDeps): Keyring {
  return createKeyring({
    vault,
    documentOf: (name) => directory.upstream(name),
    unreadable: (upstream, key, why) => logger.error({ upstream, key }, `a stored upstream key is not used: it ${why}`)
  })
}

type FollowState = Parameters<Parameters<typeof followAccounts>[1]['stateChanged']>[0]

function logFollowing (state: FollowState, { logger }: StateDeps): void {
  if (state.reachable) logger.info('changes of teams and keys are seen again')
  else logger.error('changes of teams and keys are not seen while the store is away')
}

/** Settings of a store can be changed while it runs. */
const INSPECTION_INTERVAL_MS = 60_000

/** Looks at how the store is set up, now and from time to time. @throws Error where it is unfit now */
async function inspect (backend: Backend, { clock, logger, metrics, observers }: StateDeps): Promise<Repeating> {
  let wasSound = true

  async function problems (): Promise<readonly string[]> {
    const found = await backend.problems()
    metrics.store.configured(found.length === 0)
    if (found.length > 0 && wasSound) logger.error({ problems: found }, 'the store is not set up to keep budgets')
    wasSound = found.length === 0
    return found
  }

  const found = await problems().catch((cause: unknown) => {
    // One that is away can be looked at when it is there.
    if (cause instanceof StoreUnavailable) return []
    throw cause
  })
  if (found.length > 0) throw new Error(`The store is unfit to keep budgets: ${found.join('; ')}`)
  const failed = (cause: unknown): void => observers.trouble({ kind: 'upkeep_failed', cause })
  const inspection = createRepeating(async () => { await problems() }, () => INSPECTION_INTERVAL_MS, { clock, failed })
  // A store that comes up, or another one in its place, may be set up otherwise.
  backend.onReconnect(() => { void inspection.now() })
  return inspection
}

/** A gateway that never runs for an hour forgets things too. */
const FIRST_TRIM_DELAY_MS = 60_000
const TRIM_INTERVAL_MS = 3_600_000

/** Forgets what is older than it is to be kept. */
function keepTrimmed (backend: Backend, teams: () => readonly string[], { clock, observers }: StateDeps): Repeating {
  const failed = (cause: unknown): void => observers.trouble({ kind: 'upkeep_failed', cause })
  let delayMs = FIRST_TRIM_DELAY_MS
  return createRepeating(async () => {
    delayMs = TRIM_INTERVAL_MS
    await backend.trim(teams())
  }, () => delayMs, { clock, failed })
}
