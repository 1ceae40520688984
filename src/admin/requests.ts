import Type from 'typebox'
import type { FastifyReply } from 'fastify'
import type { Static } from 'typebox'
import { attemptBody, refusalBody, requestBody } from '../http/request-body.ts'
import { FormatSchema, SELECTION_PROPERTIES, timeOf } from './usage-query.ts'
import { GatewayError, invalidParameter } from '../core/errors.ts'
import { isSelected, OUTCOMES, requestEntries, requestPage } from '../metering/request-log.ts'
import { limitOf } from './page.ts'
import { PageSchema } from './schemas.ts'
import { reportBody } from '../limits/reports.ts'
import { exportTo } from './export.ts'
import { listOf, teamsFor } from './reach.ts'
import type { Actor } from '../accounts/actor.ts'
import type { ReportDeps } from './deps.ts'
import type { CsvCell } from '../metering/csv.ts'
import type { LedgerRecord } from '../metering/ledger.ts'
import type { RequestEntry, RequestLog, RequestSelection } from '../metering/request-log.ts'

export const RequestsQuerySchema = Type.Object({
  ...SELECTION_PROPERTIES,
  status: Type.Optional(Type.String({ pattern: `^([1-5][0-9]{2}|[1-5]xx|${OUTCOMES.join('|')})$`, description: `A status such as 429, a class such as 4xx, or one of ${OUTCOMES.join(', ')}.` })),
  from: Type.Optional(Type.String({ maxLength: 64, description: 'ISO 8601 with its offset: when the request began. Default: as long as records are kept.' })),
  to: Type.Optional(Type.String({ maxLength: 64, description: 'Likewise, itself not included. Default: no end.' })),
  limit: PageSchema.properties.limit,
  cursor: Type.Optional(Type.String({ maxLength: 256, description: 'The next_cursor of the page before.' })),
  format: FormatSchema
}, { additionalProperties: false })

type RequestsQuery = Static<typeof RequestsQuerySchema>

interface RequestsRequest { readonly query: RequestsQuery, readonly actor: Actor, readonly reply: FastifyReply }

/** Records that one call looks at, whether or not they are what is asked for. */
const SCANNED_MAX = 5_000
const ONLY_PAGES = 'limit and cursor are of pages in JSON: an export has all that there is from one time to another.'

/** What was charged, an entry for each billed attempt, and what was refused, the latest first. @throws GatewayError */
export async function answerRequests ({ query, actor, reply }: RequestsRequest, deps: ReportDeps): Promise<object> {
  const selection = selectionOf(query, teamsFor(actor, { teams: listOf(query.team), keys: listOf(query.key) }, deps.directory))
  const { format = 'json', limit, cursor } = query
  if (format === 'json') {
    const bounds = { limit: limitOf(query), scannedMax: SCANNED_MAX }
    const { entries, next } = await requestPage(deps, selection, bounds)
    return { data: entries.map(entryBody), has_more: next !== undefined, next_cursor: next === undefined ? null : sealed(next) }
  }
  if (limit !== undefined) throw invalidParameter('limit', ONLY_PAGES)
  if (cursor !== undefined) throw invalidParameter('cursor', ONLY_PAGES)
  const parts = bodies(deps, selection)
  const { failed } = deps
  return await exportTo(reply, { format, name: 'dashgate-requests', parts, columns: COLUMNS, cells: cellsOf, failed })
}

async function * bodies (log: RequestLog, selection: RequestSelection): AsyncGenerator<EntryBody[], void, undefined> {
  for await (const part of requestEntries(log, selection)) {
    yield part.filter((entry) => isSelected(entry, selection)).map(entryBody)
  }
}

interface OneRequest {
  readonly params: { readonly id: string }
  readonly query: Static<typeof RequestQuerySchema>
  readonly actor: Actor
}

export const RequestQuerySchema = Type.Object({ team: SELECTION_PROPERTIES.team }, { additionalProperties: false })

/** One request in full: all that was billed for it, and what every limit said of it. @throws GatewayError `not_found` */
export async function answerRequest ({ params: { id }, query, actor }: OneRequest, deps: ReportDeps): Promise<object> {
  const { ledger, refusals, directory } = deps
  for (const team of teamsFor(actor, { teams: listOf(query.team) }, directory)) {
    const records = await ledger.find(id, team)
    const last = records.at(-1)
    if (last !== undefined) {
      return { ...requestBody(last, records), limits: last.limits.map(reportBody), billed_attempts: records.map(recordBody) }
    }
    const refusal = await refusals.find(id, team)
    if (refusal !== undefined) return { ...refusalBody(refusal), limits: refusal.limits.map(reportBody), billed_attempts: [] }
  }
  throw new GatewayError('not_found', 'There is no such request.', { param: 'id' })
}

function recordBody (record: LedgerRecord): object {
  return { ...attemptBody(record), limits: record.limits.map(reportBody) }
}

type EntryBody = ReturnType<typeof attemptBody> | ReturnType<typeof refusalBody>

function entryBody (entry: RequestEntry): EntryBody {
  return entry.kind === 'charged' ? attemptBody(entry.record) : refusalBody(entry.record)
}

const COLUMNS = [
  'request_id', 'time', 'team', 'key_id', 'surface', 'model', 'upstream', 'upstream_model', 'upstream_request_id', 'stream', 'attempt', 'superseded', 'attempts',
  'status', 'outcome', 'error', 'message', 'input_tokens', 'cached_tokens', 'output_tokens', 'reasoning_tokens', 'total_tokens', 'source', 'cost_nano', 'currency',
  'first_content_ms', 'duration_ms'
]

/** What is told of the usage stands beside the rest. */
function cellsOf ({ usage, ...rest }: EntryBody): Readonly<Record<string, CsvCell | undefined>> {
  return { ...rest, ...usage }
}

function selectionOf ({ key, model, status, from, to, cursor }: RequestsQuery, teams: readonly string[]): RequestSelection {
  const fromMs = timeOf('from', from) ?? 0
  const toMs = timeOf('to', to) ?? Number.MAX_SAFE_INTEGER
  if (fromMs >= toMs) throw invalidParameter('from', 'from must be before to.')
  return { teams, fromMs, toMs, key, model, status, before: cursor === undefined ? undefined : unsealed(cursor) }
}

// Where a page ends is nothing that a client should make sense of, or put together.

function sealed (cursor: string): string {
  return Buffer.from(cursor).toString('base64url')
}

/** @throws GatewayError `invalid_request` */
function unsealed (cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString()
  if (!/^\d{13}-\d{6,}-[lr]-[\w-]+$/.test(text) || sealed(text) !== cursor) throw invalidParameter('cursor', 'cursor must be the next_cursor of an answer.')
  return text
}
