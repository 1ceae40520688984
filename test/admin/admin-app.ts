import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { ADMIN_TOKEN, adminDeps } from '../support/admin-deps.ts'
import { buildAdminApp } from '../../src/admin/app.ts'
import { createManualClock } from '../support/fixed.ts'
import { createMemoryAccounts } from '../accounts/memory-store.ts'
import { openDirectory } from '../../src/accounts/directory.ts'
import type { AdminDeps } from '../../src/admin/deps.ts'
import type { GatewayError } from '../../src/core/errors.ts'
import type { ManualClock } from '../support/fixed.ts'
import type { MemoryAccounts } from '../accounts/memory-store.ts'

export { ADMIN_TOKEN } from '../support/admin-deps.ts'

export interface AdminApp {
  readonly app: FastifyInstance
  readonly deps: AdminDeps
  readonly store: MemoryAccounts
  readonly clock: ManualClock
  /** What the log was told of. */
  readonly failures: GatewayError[]
  /** One request, with the root token unless another one is named. The body goes as JSON. */
  call (method: Method, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
}

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
export interface Answer { readonly status: number, readonly json: any, readonly headers: Readonly<Record<string, unknown>> }

/** The admin listener over an empty store. */
export async function adminApp (t: Test, changes: Partial<AdminDeps> = {}): Promise<AdminApp> {
  const store = createMemoryAccounts()
  const failures: GatewayError[] = []
  const clock = createManualClock()
  const directory = await openDirectory(store, clock)
  const deps: AdminDeps = { ...adminDeps({ directory, store, clock }), failed: (error) => { failures.push(error) }, ...changes }
  const app = buildAdminApp(deps)
  t.teardown(async () => await app.close())
  return {
    app,
    deps,
    store,
    clock,
    failures,
    async call (method, path, body, headers = {}) {
      const payload = body === undefined ? {} : { payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
      const url = path.startsWith('/v1/') ? path : `/admin/v1${path}`
      const response = await app.inject({ method, url, ...payload, headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...payload.headers, ...headers } })
      return { status: response.statusCode, json: response.body === '' ? undefined : response.json(), headers: response.headers }
    }
  }
}
