import t from 'tap'
import { audit } from './audit.ts'
import { priceOf, teamsOf } from './scene.ts'
import { promptTokensOf } from './audit-requests.ts'
import { NO_COUNTS, plus, rollupOf } from '../../../src/metering/rollups.ts'
import type { Books } from './books.ts'
import type { Chat } from '../../support/fleet/chat.ts'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { LimitReport } from '../../../src/metering/limit-report.ts'
import type { Seen } from './witness.ts'
import type { Sending } from './load.ts'
import type { Witnesses } from './audit-requests.ts'

const TIME_MS = 1_764_000_000_000
const [TEAM] = teamsOf({ requests: 0 })
if (TEAM === undefined) throw new Error('there is no team')
const CLIENT = { name: 'by-tokens-0', team: TEAM }
const CHAT: Omit<Chat, 'marker'> = {
  surface: 'openai', model: 'qwen-coder-turbo', isStream: true, prompt: 'answer in words=1: budget', maxTokens: 100, includesUsage: true
}
const PROMPT_TOKENS = promptTokensOf({ ...CHAT, marker: 'by-tokens-0.0.0' })

/** A run of four requests: answered after one try that was silent, left in its middle, refused, and lost with its gateway. */
function run () {
  const sendings = [
    sending(0, { how: 'answered', status: 200, used: { inputTokens: PROMPT_TOKENS, outputTokens: 20 }, receivedTokens: 20 }),
    sending(1, { how: 'left', status: 200, receivedTokens: 8 }),
    sending(2, { how: 'refused', status: 429 }),
    sending(3, { how: 'lost', servedBy: '1.0' })
  ]
  const seen = [seenOf(0, 1, 0, 'reset-start'), seenOf(0, 2, 20), { ...seenOf(1, 3, 10), ending: 'client gone' as const }, { ...seenOf(3, 4, 5), ending: 'client gone' as const }]
  const records = [
    recordOf(0, { attempt: 1, superseded: true, outcome: 'failed', errorKind: 'upstream_failed', usage: usageOf(PROMPT_TOKENS, 0, 'estimated') }),
    recordOf(0, { attempt: 2, upstreamRequestId: 'up-2', usage: usageOf(PROMPT_TOKENS, 20, 'reported') }),
    recordOf(1, { outcome: 'client_closed', errorKind: 'client_closed', upstreamRequestId: 'up-3', usage: usageOf(PROMPT_TOKENS, 10, 'estimated') }),
    recordOf(3, { outcome: 'expired', status: 500, usage: usageOf(PROMPT_TOKENS + 64, 100, 'estimated') })
  ]
  return { sendings, seen, records }
}

function sending (number: number, told: Partial<Sending>): Sending {
  const marker = `by-tokens-0.${number}.0`
  const chat = { ...CHAT, marker: `by-tokens-0.${number}` }
  const requestId = told.status === undefined ? undefined : `request-${number}`
  return {
    how: 'answered',
    status: undefined,
    requestId,
    used: undefined,
    receivedTokens: 0,
    marker,
    client: CLIENT,
    servedBy: '0.0',
    planned: { chat, faults: [undefined, undefined], leaves: undefined },
    startMs: TIME_MS + number * 1_000,
    ...told
  }
}

function seenOf (number: number, sequence: number, outputTokens: number, fault?: string): Seen {
  const charge = outputTokens === 0 ? { inputTokens: 0, outputTokens } : { inputTokens: PROMPT_TOKENS, outputTokens }
  return { id: `up-${sequence}`, marker: `by-tokens-0.${number}.0`, sequence, faults: fault === undefined ? [] : [fault], ending: 'complete', charge }
}

function usageOf (inputTokens: number, outputTokens: number, source: 'reported' | 'estimated'): LedgerRecord['usage'] {
  return { inputTokens, cachedInputTokens: 0, outputTokens, reasoningTokens: 0, source }
}

function recordOf (number: number, record: Partial<LedgerRecord> & Pick<LedgerRecord, 'usage'>): LedgerRecord {
  return {
    requestId: `request-${number}`,
    timeMs: TIME_MS + number * 1_000 + 5,
    team: 'by-tokens',
    keyId: 'k',
    model: CHAT.model,
    upstreamModel: CHAT.model,
    surface: CHAT.surface,
    upstream: 'native',
    upstreamRequestId: undefined,
    stream: true,
    attempt: 1,
    superseded: false,
    attempts: 1,
    status: 200,
    outcome: 'completed',
    errorKind: undefined,
    costNano: priceOf(record.usage, CHAT.model),
    currency: 'CNY',
    firstContentMs: 150,
    durationMs: 900,
    limits: [],
    ...record
  }
}

function booksOf (records: readonly LedgerRecord[]): Books {
  const spent = records.reduce((sum, { usage }) => sum + usage.inputTokens + usage.outputTokens, 0)
  const report = (kind: LimitReport['kind'], id: string, used: number): LimitReport => ({
    scope: 'team',
    id,
    perModelId: undefined,
    kind,
    unit: kind === 'budget' ? 'tokens' : 'requests',
    amount: 1e12,
    used,
    held: 0,
    requested: 0,
    remaining: 1,
    allows: true,
    retryAfterMs: undefined,
    resetsAtMs: undefined
  })
  const hours = records.map(rollupOf)
  const counts = hours.map((hour) => hour.counts).reduce(plus, NO_COUNTS)
  return {
    team: 'by-tokens',
    records,
    misplaced: [],
    shown: records.length === 0
      ? []
      : [{
          team: 'by-tokens',
          key: 'k',
          model: CHAT.model,
          requests: counts.requests,
          errors: counts.errors,
          estimated: counts.estimated,
          input_tokens: counts.inputTokens,
          cached_tokens: counts.cachedTokens,
          output_tokens: counts.outputTokens,
          reasoning_tokens: counts.reasoningTokens,
          cost_nano: counts.costNano
        }],
    hours: hours.slice(0, 1).map((hour) => ({ ...hour, counts })),
    limits: [{ keyId: 'k', reports: [report('budget', 'tokens', spent), report('concurrency', 'concurrent_requests', 0)] }]
  }
}

function faultsOf ({ sendings, seen, records }: ReturnType<typeof run>, books = booksOf(records)): readonly string[] {
  const witnesses: Witnesses = {
    sendings: new Map(sendings.map((one) => [one.marker, one])),
    clientOfKey: (keyId) => keyId === 'k' ? CLIENT : undefined,
    seen: Map.groupBy(seen, ({ marker }) => marker),
    killed: new Set(['1.0'])
  }
  return audit([TEAM as typeof CLIENT.team], [books], witnesses).faults
}

t.test('books in which all is as it was have no fault', (t) => {
  t.strictSame(faultsOf(run()), [])
  t.end()
})

type Run = ReturnType<typeof run>
const LIES: readonly (readonly [what: string, lie: (run: Run) => Run, fault: RegExp])[] = [
  ['a record is missing', (r) => ({ ...r, records: r.records.filter(({ outcome }) => outcome !== 'client_closed') }), /is in no book/],
  ['nothing follows a superseded record', (r) => ({ ...r, records: r.records.filter(({ attempt }) => attempt === 1) }), /that nothing follows/],
  ['a request counts twice', (r) => ({ ...r, records: changed(r.records, 0, { superseded: false }) }), /counted more than once/],
  ['an attempt is left out', (r) => ({ ...r, records: changed(r.records, 1, { attempt: 3 }) }), /not counted from 1/],
  ['a refused request has a record', (r) => ({ ...r, records: [...r.records, recordOf(2, { usage: usageOf(0, 0, 'estimated') })] }), /refused and has a record/],
  ['a record is of a key that nobody has', (r) => ({ ...r, records: changed(r.records, 2, { keyId: 'other' }) }), /nobody's request/],
  ['a request that was lost is of a gateway that lives', (r) => ({ ...r, sendings: r.sendings.map((one) => ({ ...one, servedBy: '0.0' })) }), /no gateway died/],
  ['an answer failed', (r) => ({ ...r, records: changed(r.records, 1, { outcome: 'failed', errorKind: 'internal' }) }), /ended otherwise/],
  ['a status is another', (r) => ({ ...r, records: changed(r.records, 1, { status: 502 }) }), /another status/],
  ['a token is too many', (r) => ({ ...r, records: changed(r.records, 1, { usage: usageOf(PROMPT_TOKENS, 21, 'reported') }) }), /not what the upstream counted/],
  ['a prompt is another', (r) => ({ ...r, records: changed(r.records, 0, { usage: usageOf(PROMPT_TOKENS + 1, 0, 'estimated') }) }), /tokens of its prompt/],
  ['what was received is not charged', (r) => ({ ...r, records: changed(r.records, 2, { usage: usageOf(PROMPT_TOKENS, 1, 'estimated') }) }), /that the client received/],
  ['more is charged than was written', (r) => ({ ...r, records: changed(r.records, 2, { usage: usageOf(PROMPT_TOKENS, 101, 'estimated') }) }), /more than was held/],
  ['what expired does not cover it', (r) => ({ ...r, records: changed(r.records, 3, { usage: usageOf(PROMPT_TOKENS, 4, 'estimated') }) }), /does not cover/],
  ['what expired is missing', (r) => ({ ...r, records: r.records.slice(0, 3) }), /in no book/],
  ['what was billed costs nothing', (r) => ({ ...r, records: changed(r.records, 1, { usage: usageOf(0, 0, 'estimated') }) }), /cost something/],
  ['the upstream was asked for by nobody', (r) => ({ ...r, seen: [...r.seen, { ...seenOf(9, 9, 1) }] }), /nobody asked/],
  ['a cost is another', (r) => ({ ...r, records: changed(r.records, 1, { costNano: 1 }) }), /costs 1 CNY/]
]

t.test('every lie in the books is found', (t) => {
  for (const [what, lie, fault] of LIES) t.match(faultsOf(lie(run())).join('\n'), fault, what)
  t.end()
})

function changed (records: readonly LedgerRecord[], place: number, change: Partial<LedgerRecord>): LedgerRecord[] {
  return records.map((record, index) => index === place ? { ...record, ...change, costNano: change.costNano ?? priceOf(change.usage ?? record.usage, CHAT.model) } : record)
}

t.test('sums that differ are found, field by field', (t) => {
  const honest = run()
  const books = booksOf(honest.records)
  const [hour] = books.hours
  const [limit] = books.limits
  if (hour === undefined || limit === undefined) throw new Error('there are no books')
  for (const field of Object.keys(hour.counts) as (keyof typeof hour.counts)[]) {
    const amount = hour.counts[field]
    const counts = { ...hour.counts, [field]: typeof amount === 'number' ? amount + 1 : amount.map((count, bucket) => bucket === 3 ? count + 1 : count) }
    t.match(faultsOf(honest, { ...books, hours: [{ ...hour, counts }] }).join('\n'), new RegExp(`has \\d+ ${field}`), field)
  }
  t.match(faultsOf(honest, { ...books, hours: [] }).join('\n'), /is missing/)
  t.match(faultsOf(honest, { ...books, hours: [hour, hour] }).join('\n'), /there twice/)
  const [shown] = books.shown
  if (shown === undefined) throw new Error('nothing is shown')
  for (const [count, amount] of Object.entries(shown)) {
    if (typeof amount === 'number') t.match(faultsOf(honest, { ...books, shown: [{ ...shown, [count]: amount + 1 }] }).join('\n'), new RegExp(`shows \\d+ ${count}`))
  }
  t.match(faultsOf(honest, { ...books, shown: [] }).join('\n'), /does not show/)
  t.match(faultsOf(honest, { ...books, shown: [shown, shown] }).join('\n'), /twice/)
  t.match(faultsOf(honest, { ...books, misplaced: ['cursor'] }).join('\n'), /out of its order/)
  for (const [change, fault] of [[{ used: 3 }, /3 are spent|3 places/], [{ held: 3 }, /still held/]] as const) {
    for (const [place] of limit.reports.entries()) {
      const reports = limit.reports.map((report, index) => index === place ? { ...report, ...change } : report)
      if (reports[place]?.kind === 'concurrency' && 'held' in change) continue
      t.match(faultsOf(honest, { ...books, limits: [{ ...limit, reports }] }).join('\n'), fault)
    }
  }
  t.end()
})
