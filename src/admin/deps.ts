import type { AdminIdentity } from '../accounts/admin-token.ts'
import type { AuditLog } from '../accounts/audit.ts'
import type { Catalog } from '../core/catalog.ts'
import type { Clock, Ids } from '../core/clock.ts'
import type { Directory } from '../accounts/directory.ts'
import type { Explanations } from '../limits/explanations.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Idempotency } from './idempotency.ts'
import type { Keyring } from '../upstream/keyring.ts'
import type { Ledger, Refusals } from '../metering/ledger.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { NewSecret } from '../accounts/keys.ts'
import type { Readiness } from '../http/health.ts'
import type { SealedKey } from '../upstream/vault.ts'
import type { ShownConfiguration } from './configuration.ts'
import type { UsageReader } from '../metering/rollups.ts'

/** What reports are made from. */
export interface ReportDeps {
  readonly clock: Pick<Clock, 'nowMs'>
  readonly directory: Directory
  readonly usage: UsageReader
  readonly ledger: Ledger
  readonly refusals: Refusals
  /** Told of what was answered as `internal`, whose cause is for the log alone, of what broke off, and of lost audit entries. */
  readonly failed: (error: GatewayError) => void
}

/** What the admin listener is handed. */
export interface AdminDeps extends ReportDeps {
  /** Of DashGate. */
  readonly version: string
  readonly clock: Clock
  readonly ids: Ids
  readonly metrics: Metrics
  readonly readiness: () => Readiness
  readonly audit: AuditLog
  /** Who presents a token; undefined for one that opens nothing. */
  readonly identify: (presented: string) => AdminIdentity | undefined
  /** @param id of a key that gets another secret */
  readonly newKey: (id?: string) => NewSecret
  readonly newToken: () => NewSecret
  /** What is kept of a secret. */
  readonly digestOf: (secret: string) => string
  readonly explanations: Pick<Explanations, 'budgetsOf' | 'explain'>
  readonly currentCatalog: () => Catalog
  readonly keyring: Pick<Keyring, 'states'>
  /** Encrypts an upstream's key for the store. */
  readonly sealKey: (upstream: string, key: string) => SealedKey
  readonly configuration: ShownConfiguration
  readonly idempotency: Idempotency
}
