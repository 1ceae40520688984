import type { Directory } from '../accounts/directory.ts'
import type { Explanations } from '../limits/explanations.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { NewSecret } from '../accounts/keys.ts'
import type { Readiness } from '../http/health.ts'

/** What the admin listener is handed. */
export interface AdminDeps {
  readonly metrics: Metrics
  readonly readiness: () => Readiness
  readonly directory: Directory
  readonly isAdminToken: (presented: string) => boolean
  readonly newKey: () => NewSecret
  /** What is kept of a key's secret. */
  readonly digestOf: (secret: string) => string
  readonly explanations: Pick<Explanations, 'budgetsOf' | 'explain'>
  /** Told of what was answered as `internal`, whose cause is for the log alone. */
  readonly failed: (error: GatewayError) => void
}
