import { DatabaseSync } from 'node:sqlite'
import { buildCatalog } from '../../src/config/catalog.ts'
import { createAuditLog } from '../../src/accounts/audit.ts'
import { createAdminToken, createClientKey, keyDigest } from '../../src/accounts/keys.ts'
import { IDEMPOTENCY_SCHEMA } from '../../src/store/embedded/idempotency-schema.ts'
import { createConfigInspection } from '../../src/config/inspection.ts'
import { createCountedIds, createSeededRandom } from './fixed.ts'
import { createIdentifyAdmin } from '../../src/accounts/admin-token.ts'
import { createEmbeddedIdempotency } from '../../src/store/embedded/idempotency.ts'
import { createIdempotency } from '../../src/admin/idempotency.ts'
import { createKeyring } from '../../src/upstream/keyring.ts'
import { createMemoryLog } from '../metering/memory-log.ts'
import { createMemoryUsage } from '../metering/usage-hours.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { createVault } from '../../src/upstream/vault.ts'
import { loadConfig } from '../../src/config/load.ts'
import { PROTOCOLS } from '../../src/protocols/registry.ts'
import { quietFigures } from './live-figures.ts'
import type { AccountStore } from '../../src/accounts/store.ts'
import type { AdminDeps } from '../../src/admin/deps.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Directory } from '../../src/accounts/directory.ts'

export const ADMIN_TOKEN = 'the-admin-token-of-the-test-suites'
export const PEPPER = 'pepper'

/** One upstream with two keys, for all built-in models and one of its own. */
export const CONFIG_YAML = `upstreams:
  - { name: dashscope, protocol: dashscope, base_url: "https://dashscope.example/api/v1", keys: [sk-configured-one, { key: sk-configured-two, weight: 3 }] }
models:
  - { name: coder-9000, aliases: [coder], context_tokens: 1000, output_tokens_max: 100, price: { currency: CNY, input_per_1k: 0.002, output_per_1k: 0.006 } }
`
const CONFIG = loadConfig({ flags: {}, environment: {}, readFile: (path) => path === './dashgate.yaml' ? CONFIG_YAML : undefined }).config
const CATALOG = buildCatalog(CONFIG, PROTOCOLS)

export interface AdminParts { readonly directory: Directory, readonly store: AccountStore, readonly clock: Clock }

/** What the admin listener is handed, over accounts that are there and with nothing else behind it. */
export function adminDeps ({ directory, store, clock }: AdminParts): AdminDeps {
  const random = createSeededRandom(11)
  const vault = createVault({ current: PEPPER, previous: undefined })
  const peppers = { current: PEPPER, previous: undefined }
  return {
    version: '1.2.3',
    clock,
    ids: createCountedIds(),
    metrics: createMetrics(quietFigures),
    readiness: () => 'ok',
    directory,
    audit: createAuditLog(store, clock),
    usage: createMemoryUsage([]),
    ...createMemoryLog(),
    identify: createIdentifyAdmin(ADMIN_TOKEN, directory, { peppers, clock, outdated: () => {} }),
    newKey: (id) => createClientKey((below) => Math.floor(random() * below), id),
    newToken: () => createAdminToken((below) => Math.floor(random() * below)),
    currentCatalog: () => CATALOG,
    keyring: createKeyring({ vault, documentOf: (name) => directory.upstream(name), unreadable: () => {} }),
    sealKey: vault.seal,
    configuration: createConfigInspection({ clock, running: () => CONFIG, flags: {}, environment: {} }),
    digestOf: (secret) => keyDigest(PEPPER, secret),
    explanations: { budgetsOf: async () => [], explain: async () => ({ allowed: true, decidedBy: undefined, outputTokensFit: undefined, reports: [] }) },
    idempotency: createIdempotency({ store: createEmbeddedIdempotency(idempotencyDatabase(), clock), secret: PEPPER, failed (cause) { throw cause } }),
    failed (error) { throw error }
  }
}

function idempotencyDatabase (): DatabaseSync {
  const database = new DatabaseSync(':memory:')
  database.exec(IDEMPOTENCY_SCHEMA)
  return database
}
