import type { FastifyRequest } from 'fastify'
import { factsOfActor } from '../accounts/audit.ts'
import { GatewayError } from '../core/errors.ts'
import { isWrite } from './route.ts'
import type { Actor } from '../accounts/actor.ts'
import type { AdminDeps } from './deps.ts'
import type { AdminRoute } from './route.ts'
import type { AuditFacts } from '../accounts/audit.ts'

/** A request as far as it has come. */
export interface Progress {
  readonly route: AdminRoute | undefined
  actor?: Actor
  /** What an error would mean now. */
  outcome: 'denied' | 'failed'
}

/** Whoever has no token could fill the log: of his tries only so many are kept. */
const STRANGERS_PER_WINDOW_MAX = 10
const WINDOW_MS = 60_000

/** Puts writes that came to nothing into the audit log. One that is done brings its own entry along. */
export function createAuditRefusal (
  { audit, clock, failed }: Pick<AdminDeps, 'audit' | 'clock' | 'failed'>
): (error: GatewayError, progress: Progress, request: FastifyRequest) => Promise<void> {
  let windowStartMs = -Infinity
  let strangers = 0

  function isOneTooMany (): boolean {
    const nowMs = clock.monotonicMs()
    if (nowMs - windowStartMs >= WINDOW_MS) {
      windowStartMs = nowMs
      strangers = 0
    }
    return ++strangers > STRANGERS_PER_WINDOW_MAX
  }

  return async (error, { route, actor, outcome }, request) => {
    if (route === undefined || !isWrite(route)) return
    if (actor === undefined && isOneTooMany()) return
    const facts: AuditFacts = {
      ...actor === undefined ? strangerFacts(request) : factsOfActor(actor),
      action: `${route.method} ${route.path}`,
      object: objectOf(route, request.params as Readonly<Record<string, string>>),
      outcome,
      // No message: it may repeat what was sent.
      detail: { code: error.kind, status: error.status, ...shownField(error.param) }
    }
    try {
      await audit.append(facts)
    } catch (caught) {
      // The answer stays what it is: nothing was written either way.
      failed(GatewayError.from(caught))
    }
  }
}

/** A field of ours. Of one that is not, its name is whatever was sent in its place, and may be a secret. */
function shownField (field: string | undefined): { readonly field?: string } {
  return field !== undefined && /^(?:[a-z_]+|\[\d{1,6}\]|\.){1,24}$/.test(field) ? { field } : {}
}

function strangerFacts (request: FastifyRequest): Pick<AuditFacts, 'actor' | 'role' | 'address' | 'requestId'> {
  return { actor: 'unknown', role: 'none', address: request.ip, requestId: request.id }
}

/** `key::id` → `key:abcdefgh`. */
function objectOf ({ object = '' }: AdminRoute, params: Readonly<Record<string, string>>): string {
  return object.replaceAll(/:([a-z]+)$/g, (_, name: string) => `${params[name] ?? ''}`)
}
