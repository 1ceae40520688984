import { randomInt } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { buildAdminApp } from './admin/app.ts'
import { buildApp } from './http/app.ts'
import { countingMargin } from './tokens/bounds.ts'
import { createAdminToken, createClientKey, keyDigest } from './accounts/keys.ts'
import { createAuthenticate } from './accounts/authenticate.ts'
import { createAuthenticateFresh } from './accounts/authenticate-fresh.ts'
import { createExplanations } from './limits/explanations.ts'
import { createIdempotency } from './admin/idempotency.ts'
import { createIdentifyAdmin } from './accounts/admin-token.ts'
import { createLimiter } from './limits/limiter.ts'
import { createRepepper } from './accounts/repepper.ts'
import { PROTOCOLS } from './protocols/registry.ts'
import packageJson from '../package.json' with { type: 'json' }
import type { AppDeps } from './http/deps.ts'
import type { Config } from './config/schema.ts'
import type { ConfigInspection } from './config/inspection.ts'
import type { Metrics } from './observe/metrics.ts'
import type { Observers } from './observe/observers.ts'
import type { Question } from './limits/explanations.ts'
import type { Secrets } from './secrets.ts'
import type { ServerDeps } from './server.ts'
import type { State } from './state.ts'
import type { Vault } from './upstream/vault.ts'

type Handed = Pick<AppDeps, 'tokens' | 'send' | 'currentCatalog' | 'readiness' | 'track'>

export interface ListenerDeps extends Pick<ServerDeps, 'clock' | 'ids' | 'random'>, Handed {
  readonly metrics: Metrics
  readonly observers: Observers
  readonly state: State
  readonly vault: Vault
  readonly configuration: ConfigInspection
}

export interface Listeners { readonly app: FastifyInstance, readonly admin: FastifyInstance }

/** The clients' listener and the administrators', over the same limits and accounts. */
export function buildListeners (config: Config, secrets: Secrets, deps: ListenerDeps): Listeners {
  const { clock, metrics, observers, currentCatalog, readiness, state } = deps
  const { accounting, backend, directory } = state
  const troubled = (cause: unknown): void => observers.trouble({ kind: 'upkeep_failed', cause })
  const outdated = createRepepper(directory, { clock, failed: troubled })
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
    keyring: state.keyring,
    ledger: backend.ledger,
    refusals: backend.refusals,
    protocols: [...PROTOCOLS.values()],
    authenticate,
    authenticateFresh: createAuthenticateFresh(authenticate, directory, clock)
  })
  const admin = buildAdminApp({
    version: packageJson.version,
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
    currentCatalog,
    keyring: state.keyring,
    sealKey: deps.vault.seal,
    configuration: deps.configuration,
    idempotency: createIdempotency({ store: backend.idempotency, secret: secrets.peppers.current, failed: troubled }),
    newKey: (id) => createClientKey((below) => randomInt(below), id),
    newToken: () => createAdminToken((below) => randomInt(below)),
    digestOf: (secret) => keyDigest(secrets.peppers.current, secret),
    failed: observers.refused
  })
  return { app, admin }
}

/** People ask for a prompt of so many tokens; what is held for it is as much more as the service may count. */
function withMargin (question: Question): Question {
  return { ...question, inputTokens: question.inputTokens + countingMargin(false) }
}
