import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { ADMIN_TOKEN_FILE, createIdentifyAdmin } from './accounts/admin-token.ts'
import { buildAdminApp } from './admin/app.ts'
import { buildApp } from './http/app.ts'
import { createAuthenticate } from './accounts/authenticate.ts'
import { createAuthenticateFresh } from './accounts/authenticate-fresh.ts'
import { createClientKey, keyDigest } from './accounts/keys.ts'
import { createExchanges } from './relay/exchanges.ts'
import { createExplanations } from './limits/explanations.ts'
import { createLimiter } from './limits/limiter.ts'
import { createLogger } from './observe/logger.ts'
import { createMetrics } from './observe/metrics.ts'
import { createObservers } from './observe/observers.ts'
import { createPools } from './upstream/pools.ts'
import { createRepepper } from './accounts/repepper.ts'
import { createSend } from './upstream/send.ts'
import { createVault } from './upstream/vault.ts'
import { countingMargin } from './tokens/bounds.ts'
import { createTokenCounter } from './tokens/counter.ts'
import { durationMs } from './config/scalars.ts'
import { openTracing } from './observe/open-tracing.ts'
import { openState } from './state.ts'
import { fileSecret } from './store/embedded/secrets.ts'
import { PROTOCOLS } from './protocols/registry.ts'
import { systemClock, systemIds, watchEventLoop } from './system.ts'
import type { Catalog, Upstream } from './core/catalog.ts'
import type { Clock, Ids } from './core/clock.ts'
import type { Config } from './config/schema.ts'
import type { AppDeps } from './http/deps.ts'
import type { Exchanges } from './relay/exchanges.ts'
import type { FirstKey } from './accounts/first-key.ts'
import type { Logger } from './observe/logger.ts'
import type { Metrics } from './observe/metrics.ts'
import type { Pools } from './upstream/pools.ts'
import type { Question } from './limits/explanations.ts'
import type { Peppers } from './accounts/secret-lookup.ts'
import type { Observers } from './observe/observers.ts'
import type { Tracing } from './observe/tracing.ts'
import type { State } from './state.ts'
import type { TokenCounter } from './tokens/counter.ts'

export interface ServerDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly random: () => number
  readonly logger: Logger
}

export interface RunningServer {
  readonly inferenceUrl: string
  readonly adminUrl: string
  /** A key that works, for the first request; undefined where the configuration names one or others have been made. */
  readonly apiKey: string | undefined
  /** Where the token of the admin API is; undefined where the configuration names one. */
  readonly adminTokenFile: string | undefined
  readonly catalog: () => Catalog
  /** Puts another catalog in place for the requests that come from now on. */
  swapCatalog (catalog: Catalog): void
  /** Notes that another configuration was bad and the catalog stays. */
  keepCatalog (): void
  /** Stops taking requests, lets running ones finish for `shutdown_timeout`, then ends them. */
  close (): Promise<void>
}

export function systemDeps (config: Config): ServerDeps {
  return { clock: systemClock, ids: systemIds, random: Math.random, logger: createLogger(config.log_level) }
}

/** Prompts up to this size are counted where they are; larger ones would hold up everybody else's chunks. */
const COUNT_INLINE_BYTES_MAX = 65_536
/** How long settlements that the store does not take are tried again on the way out. What is left is in the spool. */
const SETTLE_TIMEOUT_MS = 5_000
/** How long the last spans may take to be sent. */
const TRACES_TIMEOUT_MS = 3_000

/** The composition root: every part is made here once and handed on. */
export async function startServer (config: Config, catalog: Catalog, deps: ServerDeps): Promise<RunningServer> {
  const { clock } = deps
  const exchanges = createExchanges()
  let current = catalog
  let knownTeams = (): readonly string[] => []
  const metrics = createMetrics(() => ({ catalog: current, teams: knownTeams(), running: exchanges.running() }))
  const tracing = await openTracing(process.env, { ...deps, metrics })
  const observers = createObservers(metrics, tracing, deps)
  const secrets = secretsOf(config)
  const [firstKey, vault] = [firstKeyOf(config, secrets), createVault(secrets.peppers)]
  const state = await openState(config, { ...deps, bootId: randomUUID(), firstKey, vault, metrics, observers })
  const [pools, tokens] = [createPools(), createTokenCounter({ inlineBytesMax: COUNT_INLINE_BYTES_MAX })]
  knownTeams = state.knownTeams
  let isDraining = false
  const { app, admin } = buildListeners(config, secrets, {
    ...deps,
    metrics,
    observers,
    state,
    tokens,
    keyring: state.keyring,
    send: createSend(pools, clock),
    currentCatalog: () => current,
    readiness: () => isDraining ? 'draining' : state.readiness(),
    track: exchanges.track
  })
  const stopWatching = watchEventLoop(metrics.late)
  async function close (): Promise<void> {
    isDraining = true
    stopWatching()
    await closeParts({ app, admin, exchanges, pools, tokens, state, tracing }, config, clock)
  }
  await listen([app, config.server], [admin, config.admin]).catch(async (cause: unknown) => {
    await close()
    throw cause
  })
  return {
    inferenceUrl: urlOf(app),
    adminUrl: urlOf(admin),
    ...accessTo(config, secrets, firstKey, state),
    catalog: () => current,
    swapCatalog (next) {
      current = next
      metrics.reloaded('applied')
      pools.retain(upstreamsOf(next))
    },
    keepCatalog () { metrics.reloaded('kept') },
    close
  }
}

function accessTo (config: Config, secrets: Secrets, firstKey: FirstKey, state: State): Pick<RunningServer, 'apiKey' | 'adminTokenFile'> {
  const isShown = firstKey.origin === 'made' && state.readiness() !== 'starting' && isKnown(firstKey, state)
  return {
    apiKey: isShown ? secrets.firstKey : undefined,
    adminTokenFile: config.secrets.admin_token === undefined ? join(config.store.data_dir, ADMIN_TOKEN_FILE) : undefined
  }
}

interface Parts extends Listeners {
  readonly exchanges: Exchanges
  readonly pools: Pools
  readonly tokens: TokenCounter
  readonly state: State
  readonly tracing: Tracing | undefined
}

/** What serves requests is closed before what they need. */
async function closeParts (parts: Parts, { server }: Config, clock: Clock): Promise<void> {
  const { app, admin, exchanges, pools, tokens, state, tracing } = parts
  const stopTimer = clock.setTimer(durationMs(server.shutdown_timeout), () => app.server.closeAllConnections())
  await app.close()
  stopTimer()
  await exchanges.ended()
  await Promise.all([admin.close(), pools.close(), tokens.close(), tracing?.close(TRACES_TIMEOUT_MS)])
  await state.close(SETTLE_TIMEOUT_MS)
}

function firstKeyOf (config: Config, { peppers, firstKey }: Secrets): FirstKey {
  return { digest: keyDigest(peppers.current, firstKey), origin: config.secrets.bootstrap_key === undefined ? 'made' : 'configured' }
}

/** Where others have made accounts before, this gateway's own first key is none. */
function isKnown ({ digest }: FirstKey, { directory }: State): boolean {
  return directory.findByDigest(digest) !== undefined
}

interface ListenerDeps extends ServerDeps, Pick<AppDeps, 'tokens' | 'keyring' | 'send' | 'currentCatalog' | 'readiness' | 'track'> {
  readonly metrics: Metrics
  readonly observers: Observers
  readonly state: State
}

interface Listeners { readonly app: FastifyInstance, readonly admin: FastifyInstance }

/** The clients' listener and the administrators', over the same limits and accounts. */
function buildListeners (config: Config, secrets: Secrets, deps: ListenerDeps): Listeners {
  const { clock, metrics, observers, currentCatalog, readiness, state } = deps
  const { accounting, backend, directory } = state
  const outdated = createRepepper(directory, { clock, failed: (cause) => observers.trouble({ kind: 'upkeep_failed', cause }) })
  const secretDeps = { peppers: secrets.peppers, clock: state.storeClock, outdated }
  const authenticate = createAuthenticate(directory, secretDeps)
  const identify = createIdentifyAdmin(secrets.adminToken, directory, secretDeps)
  const limiter = createLimiter({ ...accounting, clock, skewMs: () => accounting.skewMs })
  const explanations = createExplanations({ limiter, store: accounting.store, currentCatalog, clock })
  const app = buildApp({ bodyBytesMax: config.server.body_bytes_max }, {
    ...deps,
    ...observers,
    limiter,
    explanations,
    ledger: backend.ledger,
    refusals: backend.refusals,
    protocols: [...PROTOCOLS.values()],
    authenticate,
    authenticateFresh: createAuthenticateFresh(authenticate, directory, clock)
  })
  const admin = buildAdminApp({
    clock,
    ids: deps.ids,
    metrics,
    readiness,
    directory,
    explanations: { ...explanations, explain: (question) => explanations.explain(withMargin(question)) },
    audit: state.audit,
    usage: backend.usage,
    ledger: backend.ledger,
    refusals: backend.refusals,
    identify,
    newKey: () => createClientKey((below) => randomInt(below)),
    digestOf: (secret) => keyDigest(secrets.peppers.current, secret),
    failed: observers.refused
  })
  return { app, admin }
}

/** People ask for a prompt of so many tokens; what is held for it is as much more as the service may count. */
function withMargin (question: Question): Question {
  return { ...question, inputTokens: question.inputTokens + countingMargin(false) }
}

interface Address { readonly host: string, readonly port: number }
interface Listener { listen (address: Address): Promise<unknown> }

async function listen (...listeners: readonly (readonly [Listener, Address])[]): Promise<void> {
  for (const [app, { host, port }] of listeners) await app.listen({ host, port })
}

function upstreamsOf (catalog: Catalog): Upstream[] {
  return [...catalog.models.values()].flatMap((model) => model.targets.map((target) => target.upstream))
}

interface Secrets { readonly peppers: Peppers, readonly firstKey: string, readonly adminToken: string }

const FIRST_KEY_FILE = 'first-key'

/** The configured secrets, and for those that are not configured ones made once and kept in the data folder. */
function secretsOf ({ secrets, store: { data_dir: dataDir } }: Config): Secrets {
  const newSecret = (): string => randomBytes(32).toString('base64url')
  const newKey = (): string => createClientKey((below) => randomInt(below)).secret
  return {
    peppers: { current: secrets.master_secret ?? fileSecret(dataDir, 'secret', newSecret), previous: secrets.previous_master_secret },
    firstKey: secrets.bootstrap_key ?? fileSecret(dataDir, FIRST_KEY_FILE, newKey),
    adminToken: secrets.admin_token ?? fileSecret(dataDir, ADMIN_TOKEN_FILE, newSecret)
  }
}

function urlOf (app: { readonly server: { address (): unknown } }): string {
  const address = app.server.address() as { address: string, family: string, port: number }
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}`
}
