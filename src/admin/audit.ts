import Type from 'typebox'
import { closed, InstantSchema, orNull, PageSchema, pageReply } from './schemas.ts'
import { defineRoute, READ_OF_ANY_TEAM } from './route.ts'
import { invalidParameter } from '../core/errors.ts'
import { limitOf } from './page.ts'
import type { AdminRoute } from './route.ts'
import type { AuditEntry } from '../accounts/audit.ts'

const EntrySchema = Type.Object({
  seq: Type.Integer({ minimum: 1, description: 'Counts from 1, without a gap.' }),
  time: InstantSchema,
  actor: Type.String({ description: 'The id of a token; root, gateway, or unknown.' }),
  role: Type.String(),
  address: orNull(Type.String()),
  request_id: orNull(Type.String()),
  action: Type.String({ description: 'Such as key.rotate; of what was refused, the route.' }),
  object: Type.String({ description: 'Such as key:abcdefgh.' }),
  outcome: Type.Enum(['done', 'denied', 'failed']),
  detail: orNull(Type.Record(Type.String(), Type.Unknown(), { description: 'What was set before and after, or why it came to nothing.' })),
  previous: Type.String({ description: 'The hash of the entry before; empty for the first.' }),
  hash: Type.String({ description: 'SHA-256 over everything else in the entry.' })
}, { ...closed, title: 'AuditEntry' })

export const AUDIT_ROUTES: readonly AdminRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/admin/v1/audit',
    operationId: 'listAudit',
    summary: 'Who did what, or tried to; the latest first.',
    access: READ_OF_ANY_TEAM,
    query: PageSchema,
    reply: pageReply(EntrySchema),
    async handler ({ query }, { audit }) {
      const limit = limitOf(query)
      const entries = await audit.list({ before: beforeOf(query.cursor), limit: limit + 1 })
      const shown = entries.slice(0, limit)
      const hasMore = shown.length < entries.length
      return { data: shown.map(entryBody), has_more: hasMore, next_cursor: hasMore ? String(shown.at(-1)?.seq) : null }
    }
  })
]

/** @throws GatewayError `invalid_request` */
function beforeOf (cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined
  if (!/^[1-9]\d{0,14}$/.test(cursor)) throw invalidParameter('cursor', 'cursor must be the next_cursor of an answer.')
  return Number(cursor)
}

function entryBody ({ timeMs, requestId, address, detail, ...entry }: AuditEntry): object {
  const { seq, actor, role, action, object, outcome, previous, hash } = entry
  return {
    seq,
    time: new Date(timeMs).toISOString(),
    actor,
    role,
    address: address ?? null,
    request_id: requestId ?? null,
    action,
    object,
    outcome,
    detail: detail ?? null,
    previous,
    hash
  }
}
