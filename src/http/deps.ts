import type { Authenticate } from '../accounts/authenticate.ts'
import type { AuthenticateFresh } from '../accounts/authenticate-fresh.ts'
import type { Catalog } from '../core/catalog.ts'
import type { Clock, Ids } from '../core/clock.ts'
import type { ConnectionLimits } from './limits.ts'
import type { Exchanges } from '../relay/exchanges.ts'
import type { Explanations } from '../limits/explanations.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Ledger } from '../metering/ledger.ts'
import type { Protocol } from '../core/protocol.ts'
import type { Refuse } from './refusal.ts'
import type { Readiness } from './health.ts'
import type { RelayDeps } from '../relay/handle.ts'

/** What the routes are handed. */
export interface AppDeps extends RelayDeps {
  readonly protocols: readonly Protocol[]
  readonly ids: Ids
  readonly authenticate: Authenticate
  /** For whoever is seen for the first time: waits for the store where that may help. */
  readonly authenticateFresh: AuthenticateFresh
  readonly currentCatalog: () => Catalog
  readonly ledger: Ledger
  readonly explanations: Pick<Explanations, 'limitsOf'>
  readonly readiness: () => Readiness
  readonly refused: (error: GatewayError) => void
  /** Given every exchange as it begins, so that closing can wait for the last record. */
  readonly track: Exchanges['track']
}

/** What the server beneath them is handed. */
export interface HttpServerDeps {
  readonly clock: Clock
  readonly limits: ConnectionLimits
  readonly refuse: Refuse
}
