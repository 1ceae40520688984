import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildAdminApp } from '../../src/admin/app.ts'
import { createClientKey, keyDigest } from '../../src/accounts/keys.ts'
import { createManualClock, createSeededRandom } from '../support/fixed.ts'
import { createMemoryAccounts } from '../accounts/memory-store.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { createTokenCheck } from '../../src/accounts/admin-token.ts'
import { openDirectory } from '../../src/accounts/directory.ts'
import { quietFigures } from '../support/live-figures.ts'
import type { AdminDeps } from '../../src/admin/deps.ts'
import type { GatewayError } from '../../src/core/errors.ts'
import type { MemoryAccounts } from '../accounts/memory-store.ts'

export const ADMIN_TOKEN = 'the-admin-token-of-the-test-suites'
const START_MS = Date.UTC(2026, 0, 1)

export interface AdminApp {
  readonly app: FastifyInstance
  readonly deps: AdminDeps
  readonly store: MemoryAccounts
  /** What was answered as `internal`. */
  readonly failures: GatewayError[]
  /** One request with the token. The body goes as JSON. */
  call (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<Answer>
}

export interface Answer { readonly status: number, readonly json: any, readonly headers: Readonly<Record<string, unknown>> }

/** The admin listener over an empty store. */
export async function adminApp (t: Test, changes: Partial<AdminDeps> = {}): Promise<AdminApp> {
  const store = createMemoryAccounts()
  const random = createSeededRandom(11)
  const failures: GatewayError[] = []
  const deps: AdminDeps = {
    metrics: createMetrics(quietFigures),
    readiness: () => 'ok',
    directory: await openDirectory(store, createManualClock(START_MS)),
    isAdminToken: createTokenCheck(ADMIN_TOKEN),
    newKey: () => createClientKey((below) => Math.floor(random() * below)),
    digestOf: (secret) => keyDigest('pepper', secret),
    explanations: { budgetsOf: async () => [], explain: async () => ({ allowed: true, decidedBy: undefined, outputTokensFit: undefined, reports: [] }) },
    failed: (error) => { failures.push(error) },
    ...changes
  }
  const app = buildAdminApp(deps)
  t.teardown(async () => await app.close())
  return {
    app,
    deps,
    store,
    failures,
    async call (method, path, body) {
      const payload = body === undefined ? {} : { payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
      const response = await app.inject({ method, url: `/admin/v1${path}`, ...payload, headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...payload.headers } })
      return { status: response.statusCode, json: response.body === '' ? undefined : response.json(), headers: response.headers }
    }
  }
}
