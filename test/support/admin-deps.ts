import { createAuditLog } from '../../src/accounts/audit.ts'
import { createClientKey, keyDigest } from '../../src/accounts/keys.ts'
import { createCountedIds, createSeededRandom } from './fixed.ts'
import { createIdentifyAdmin } from '../../src/accounts/admin-token.ts'
import { createMemoryLog } from '../metering/memory-log.ts'
import { createMemoryUsage } from '../metering/usage-hours.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { quietFigures } from './live-figures.ts'
import type { AccountStore } from '../../src/accounts/store.ts'
import type { AdminDeps } from '../../src/admin/deps.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Directory } from '../../src/accounts/directory.ts'

export const ADMIN_TOKEN = 'the-admin-token-of-the-test-suites'
export const PEPPER = 'pepper'

export interface AdminParts { readonly directory: Directory, readonly store: AccountStore, readonly clock: Clock }

/** What the admin listener is handed, over accounts that are there and with nothing else behind it. */
export function adminDeps ({ directory, store, clock }: AdminParts): AdminDeps {
  const random = createSeededRandom(11)
  const peppers = { current: PEPPER, previous: undefined }
  return {
    clock,
    ids: createCountedIds(),
    metrics: createMetrics(quietFigures),
    readiness: () => 'ok',
    directory,
    audit: createAuditLog(store, clock),
    usage: createMemoryUsage([]),
    ...createMemoryLog(),
    identify: createIdentifyAdmin(ADMIN_TOKEN, directory, { peppers, clock, outdated: () => {} }),
    newKey: () => createClientKey((below) => Math.floor(random() * below)),
    digestOf: (secret) => keyDigest(PEPPER, secret),
    explanations: { budgetsOf: async () => [], explain: async () => ({ allowed: true, decidedBy: undefined, outputTokensFit: undefined, reports: [] }) },
    failed (error) { throw error }
  }
}
