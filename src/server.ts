import { randomBytes, randomInt } from 'node:crypto'
import { buildAdminApp } from './admin/app.ts'
import { buildApp } from './http/app.ts'
import { durationMs } from './config/scalars.ts'
import { createAuthenticate } from './accounts/authenticate.ts'
import { createClientKey, keyDigest } from './accounts/keys.ts'
import { createEmbeddedKeys } from './store/embedded/keys.ts'
import { createEmbeddedLedger } from './store/embedded/ledger.ts'
import { causeOf, createLogger, logExchange } from './observe/logger.ts'
import { createMetrics } from './observe/metrics.ts'
import { createPools } from './upstream/pools.ts'
import { createSend } from './upstream/send.ts'
import { createTokenCounter } from './tokens/counter.ts'
import { fileSecret } from './store/embedded/secrets.ts'
import { openDatabase } from './store/embedded/database.ts'
import { PROTOCOLS } from './protocols/registry.ts'
import { systemClock, systemIds } from './system.ts'
import type { Catalog, Upstream } from './core/catalog.ts'
import type { Clock, Ids } from './core/clock.ts'
import type { Config } from './config/schema.ts'
import type { EmbeddedKeys } from './store/embedded/keys.ts'
import type { EmbeddedLedger } from './store/embedded/ledger.ts'
import type { AppDeps } from './http/deps.ts'
import type { Logger } from './observe/logger.ts'
import type { Metrics } from './observe/metrics.ts'

export interface ServerDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly random: () => number
  readonly logger: Logger
}

export interface RunningServer {
  readonly inferenceUrl: string
  readonly adminUrl: string
  /** A key that works, for the first request; undefined where the configuration names one. */
  readonly apiKey: string | undefined
  readonly catalog: () => Catalog
  /** Puts another catalog in place for the requests that come from now on. */
  swapCatalog (catalog: Catalog): void
  /** Stops taking requests, lets running ones finish for `shutdown_timeout`, then ends them. */
  close (): Promise<void>
}

export function systemDeps (config: Config): ServerDeps {
  return { clock: systemClock, ids: systemIds, random: Math.random, logger: createLogger(config.log_level) }
}

/** The composition root: every part is made here once and handed on. */
export async function startServer (config: Config, catalog: Catalog, deps: ServerDeps): Promise<RunningServer> {
  const { clock } = deps
  const metrics = createMetrics()
  const store = openStore(config, metrics, deps)
  const pools = createPools()
  const tokens = createTokenCounter({ inlineBytesMax: COUNT_INLINE_BYTES_MAX })
  let current = catalog
  let isReady = true
  const exchanges = createExchanges()
  const app = buildApp({ bodyBytesMax: config.server.body_bytes_max }, {
    ...deps,
    tokens,
    ledger: store.ledger,
    protocols: [...PROTOCOLS.values()],
    send: createSend(pools, clock),
    authenticate: createAuthenticate(store.keys, store.pepper),
    currentCatalog: () => current,
    isReady: () => isReady,
    track: exchanges.track,
    ...observers(metrics, deps)
  })
  const admin = buildAdminApp({ metrics, isReady: () => isReady })
  async function close (): Promise<void> {
    isReady = false
    const stopTimer = clock.setTimer(durationMs(config.server.shutdown_timeout), () => app.server.closeAllConnections())
    await app.close()
    stopTimer()
    await exchanges.ended()
    await Promise.all([admin.close(), pools.close(), tokens.close()])
    store.close()
  }
  await listen([app, config.server], [admin, config.admin]).catch(async (cause: unknown) => {
    await close()
    throw cause
  })
  return {
    inferenceUrl: urlOf(app),
    adminUrl: urlOf(admin),
    apiKey: store.apiKey,
    catalog: () => current,
    swapCatalog (next) {
      current = next
      pools.retain(upstreamsOf(next))
    },
    close
  }
}

interface Address { readonly host: string, readonly port: number }
interface Listener { listen (address: Address): Promise<unknown> }

async function listen (...listeners: readonly (readonly [Listener, Address])[]): Promise<void> {
  for (const [app, { host, port }] of listeners) await app.listen({ host, port })
}

function upstreamsOf (catalog: Catalog): Upstream[] {
  return [...catalog.models.values()].flatMap((model) => model.targets.map((target) => target.upstream))
}

/** The exchanges under way. Their records come after their answers, so the store must wait for them. */
function createExchanges (): { track (exchange: Promise<void>): Promise<void>, ended (): Promise<void> } {
  const running = new Set<Promise<void>>()
  return {
    async track (exchange) {
      running.add(exchange)
      try {
        await exchange
      } finally {
        running.delete(exchange)
      }
    },
    async ended () { await Promise.allSettled(running) }
  }
}

/** Prompts up to this size are counted where they are; larger ones would hold up everybody else's chunks. */
const COUNT_INLINE_BYTES_MAX = 65_536

interface Store {
  readonly keys: EmbeddedKeys
  readonly ledger: EmbeddedLedger
  readonly pepper: string
  readonly apiKey: string | undefined
  close (): void
}

function openStore (config: Config, metrics: Metrics, { clock, logger }: ServerDeps): Store {
  const { data_dir: dataDir } = config.store
  const database = openDatabase(dataDir)
  const pepper = config.secrets.master_secret ?? fileSecret(dataDir, 'secret', () => randomBytes(32).toString('base64url'))
  const keys = createEmbeddedKeys(database)
  const ledger = createEmbeddedLedger(database, clock, (record, cause) => {
    metrics.recordLost()
    logger.error({ requestId: record.requestId, cause: causeOf(cause) }, 'a ledger record could not be written')
  })
  return {
    keys,
    ledger,
    pepper,
    apiKey: firstKey(config, keys, { pepper, nowMs: clock.nowMs() }),
    close () {
      ledger.flush()
      database.close()
    }
  }
}

/** What the request path tells the outside world of itself. */
function observers (metrics: Metrics, { clock, logger }: ServerDeps): Pick<AppDeps, 'record' | 'refused' | 'unsettled'> {
  return {
    record (exchange) {
      const durationMs = Math.round(clock.monotonicMs() - exchange.startedMonotonicMs)
      metrics.record(exchange, durationMs)
      logExchange(logger, exchange, durationMs)
    },
    refused (error) {
      metrics.recordRefused(error)
      if (error.kind === 'internal') logger.error({ cause: causeOf(error.cause) }, 'request failed')
    },
    unsettled (exchange, cause) {
      metrics.recordLost()
      logger.error({ requestId: exchange.requestId, cause: causeOf(cause) }, 'a request could not be settled')
    }
  }
}

const FIRST_KEY_FILE = 'first-key'
const FIRST_TEAM = 'default'

/**
 * Makes the key of the first request known: the configured one, or one made once and kept in the data folder.
 * @returns the key if it was made here, for its owner to see; a configured one is its owner's to know
 */
function firstKey (config: Config, keys: EmbeddedKeys, { pepper, nowMs }: { pepper: string, nowMs: number }): string | undefined {
  const secret = config.secrets.bootstrap_key ??
    fileSecret(config.store.data_dir, FIRST_KEY_FILE, () => createClientKey((below) => randomInt(below)).secret)
  const keyId = /^sk-dg-([a-z0-9]{8})-/.exec(secret)?.[1] ?? 'bootstrap'
  keys.add({ keyId, team: FIRST_TEAM, digest: keyDigest(pepper, secret) }, nowMs)
  // There is no other way to take a key back yet: whoever sets another first key means the one before to be dead.
  keys.removeAllBut(keyId)
  return config.secrets.bootstrap_key === undefined ? secret : undefined
}

function urlOf (app: { readonly server: { address (): unknown } }): string {
  const address = app.server.address() as { address: string, family: string, port: number }
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}`
}
