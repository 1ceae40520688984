import { refusalStatus } from '../metering/request-log.ts'
import type { LedgerRecord, RefusalRecord } from '../metering/ledger.ts'

// What was decided and charged, in the words of answers. Money is in 10⁻⁹ of the currency. What limits said goes beside it.

/** One record: what one billed attempt came to. */
export function attemptBody (record: LedgerRecord) {
  return {
    ...namesOf(record),
    attempt: record.attempt,
    superseded: record.superseded,
    ...endOf(record),
    usage: usageOf([record]),
    cost_nano: record.costNano,
    ...timesOf(record)
  }
}

/** A request: how it ended, by its last record, and what all of them came to. */
export function requestBody (record: LedgerRecord, records: readonly LedgerRecord[]) {
  return {
    ...namesOf(record),
    ...endOf(record),
    usage: usageOf(records),
    cost_nano: sumOf(records, ({ costNano }) => costNano),
    ...timesOf(record)
  }
}

/** What a limit refused. */
export function refusalBody (refusal: RefusalRecord) {
  return {
    request_id: refusal.requestId,
    time: new Date(refusal.timeMs).toISOString(),
    team: refusal.team,
    key_id: refusal.keyId,
    model: refusal.model,
    status: refusalStatus(refusal),
    outcome: 'refused' as const,
    error: refusal.errorKind,
    message: refusal.message,
    usage: null,
    cost_nano: 0
  }
}

function namesOf (record: LedgerRecord) {
  return {
    request_id: record.requestId,
    time: new Date(record.timeMs).toISOString(),
    team: record.team,
    key_id: record.keyId,
    surface: record.surface,
    model: record.model,
    upstream: record.upstream,
    upstream_model: record.upstreamModel,
    upstream_request_id: record.upstreamRequestId ?? null,
    stream: record.stream
  }
}

function endOf ({ attempts, status, outcome, errorKind }: LedgerRecord) {
  return { attempts, status, outcome, error: errorKind ?? null }
}

function timesOf ({ currency, firstContentMs, durationMs }: LedgerRecord) {
  return { currency: currency ?? null, first_content_ms: firstContentMs ?? null, duration_ms: durationMs }
}

function usageOf (records: readonly LedgerRecord[]) {
  const sum = (count: (usage: LedgerRecord['usage']) => number): number => sumOf(records, ({ usage }) => count(usage))
  return {
    input_tokens: sum(({ inputTokens }) => inputTokens),
    cached_tokens: sum(({ cachedInputTokens }) => cachedInputTokens),
    output_tokens: sum(({ outputTokens }) => outputTokens),
    reasoning_tokens: sum(({ reasoningTokens }) => reasoningTokens),
    total_tokens: sum(({ inputTokens, outputTokens }) => inputTokens + outputTokens),
    source: records.every(({ usage }) => usage.source === 'reported') ? 'reported' : 'estimated'
  }
}

function sumOf (records: readonly LedgerRecord[], amountOf: (record: LedgerRecord) => number): number {
  return records.reduce((sum, record) => sum + amountOf(record), 0)
}
