import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { ADMIN_TOKEN_FILE } from './accounts/admin-token.ts'
import { buildListeners } from './listeners.ts'
import { createConfigInspection } from './config/inspection.ts'
import { createExchanges } from './relay/exchanges.ts'
import { createLogger } from './observe/logger.ts'
import { createMetrics } from './observe/metrics.ts'
import { createObservers } from './observe/observers.ts'
import { createPools } from './upstream/pools.ts'
import { createSend } from './upstream/send.ts'
import { createVault } from './upstream/vault.ts'
import { createTokenCounter } from './tokens/counter.ts'
import { durationMs } from './config/scalars.ts'
import { openTracing } from './observe/open-tracing.ts'
import { openState } from './state.ts'
import { firstKeyOf, secretsOf } from './secrets.ts'
import { systemClock, systemIds, watchEventLoop } from './system.ts'
import type { Catalog, Upstream } from './core/catalog.ts'
import type { Clock, Ids } from './core/clock.ts'
import type { Config } from './config/schema.ts'
import type { Exchanges } from './relay/exchanges.ts'
import type { FirstKey } from './accounts/first-key.ts'
import type { Listeners } from './listeners.ts'
import type { LiveFigures } from './observe/live-metrics.ts'
import type { Logger } from './observe/logger.ts'
import type { Pools } from './upstream/pools.ts'
import type { Tracing } from './observe/tracing.ts'
import type { Secrets } from './secrets.ts'
import type { State } from './state.ts'
import type { TokenCounter } from './tokens/counter.ts'
import type { Surroundings } from './config/load.ts'

export interface ServerDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly random: () => number
  readonly logger: Logger
  /** What a configuration file is read with. */
  readonly surroundings?: Surroundings
}

export interface RunningServer {
  readonly inferenceUrl: string
  readonly adminUrl: string
  /** A key that works, for the first request; undefined where the configuration names one or others have been made. */
  readonly apiKey: string | undefined
  /** Where the token of the admin API is; undefined where the configuration names one. */
  readonly adminTokenFile: string | undefined
  readonly catalog: () => Catalog
  /** Puts another catalog in place, and what it was made of, for requests from now on. The rest waits for a restart. */
  swapCatalog (catalog: Catalog, config: Config): void
  /** Notes that another configuration was bad and the catalog stays. */
  keepCatalog (): void
  /** Stops taking requests, lets running ones finish for `shutdown_timeout`, then ends them. */
  close (): Promise<void>
}

export function systemDeps (config: Config, surroundings: Surroundings): ServerDeps {
  return { clock: systemClock, ids: systemIds, random: Math.random, logger: createLogger(config.log_level), surroundings }
}

/** Prompts up to this size are counted where they are; larger ones would hold up everybody else's chunks. */
const COUNT_INLINE_BYTES_MAX = 65_536
/** How long settlements that the store does not take are tried again on the way out. What is left is in the spool. */
const SETTLE_TIMEOUT_MS = 5_000
/** How long the last spans may take to be sent. */
const TRACES_TIMEOUT_MS = 3_000

const NO_SURROUNDINGS: Surroundings = { flags: {}, environment: {} }

/** The composition root: every part is made here once and handed on. */
export async function startServer (config: Config, catalog: Catalog, deps: ServerDeps): Promise<RunningServer> {
  const exchanges = createExchanges()
  let [current, running, isDraining] = [catalog, config, false]
  let figures = (): KeptFigures => ({ teams: [], keyStates: () => [] })
  const metrics = createMetrics(() => ({ ...figures(), catalog: current, running: exchanges.running() }))
  const tracing = await openTracing(process.env, { ...deps, metrics })
  const observers = createObservers(metrics, tracing, deps)
  const secrets = secretsOf(config)
  const [firstKey, vault] = [firstKeyOf(config, secrets), createVault(secrets.peppers)]
  const state = await openState(config, { ...deps, bootId: randomUUID(), firstKey, vault, metrics, observers })
  const [pools, tokens] = [createPools(), createTokenCounter({ inlineBytesMax: COUNT_INLINE_BYTES_MAX })]
  figures = () => figuresOf(state)
  const { app, admin } = buildListeners(config, secrets, {
    ...deps,
    metrics,
    observers,
    state,
    vault,
    tokens,
    configuration: createConfigInspection({ clock: deps.clock, running: () => running, ...deps.surroundings ?? NO_SURROUNDINGS }),
    send: createSend(pools, deps.clock),
    currentCatalog: () => current,
    readiness: () => isDraining ? 'draining' : state.readiness(),
    track: exchanges.track
  })
  const stopWatching = watchEventLoop(metrics.late)
  async function close (): Promise<void> {
    isDraining = true
    stopWatching()
    await closeParts({ app, admin, exchanges, pools, tokens, state, tracing }, config, deps.clock)
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
    swapCatalog (next, { upstreams, models, policies }) {
      current = next
      running = { ...running, upstreams, models, policies }
      metrics.reloaded('applied')
      pools.retain(upstreamsOf(next))
    },
    keepCatalog () { metrics.reloaded('kept') },
    close
  }
}

type KeptFigures = Pick<LiveFigures, 'teams' | 'keyStates'>

/** Before the store has been read nobody knows any team, nor a key that is kept there. */
function figuresOf (state: State): KeptFigures {
  return { teams: state.knownTeams(), keyStates: state.readiness() === 'starting' ? () => [] : state.keyring.states }
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

/** Where others have made accounts before, this gateway's own first key is none. */
function isKnown ({ digest }: FirstKey, { directory }: State): boolean {
  return directory.findByDigest(digest) !== undefined
}

interface Address { readonly host: string, readonly port: number }
interface Listener { listen (address: Address): Promise<unknown> }

async function listen (...listeners: readonly (readonly [Listener, Address])[]): Promise<void> {
  for (const [app, { host, port }] of listeners) await app.listen({ host, port })
}

function upstreamsOf (catalog: Catalog): Upstream[] {
  return [...catalog.models.values()].flatMap((model) => model.targets.map((target) => target.upstream))
}

function urlOf (app: { readonly server: { address (): unknown } }): string {
  const address = app.server.address() as { address: string, family: string, port: number }
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${host}:${address.port}`
}
