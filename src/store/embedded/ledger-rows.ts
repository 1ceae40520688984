import { limitsOf } from './limit-reports.ts'
import type { LedgerRecord } from '../../metering/ledger.ts'
import type { SQLOutputValue } from 'node:sqlite'

/** What a record is inserted with, beside where and when it is written. */
export function rowOf (record: LedgerRecord): Record<string, string | number | null> {
  const { usage, upstreamRequestId, errorKind, currency, firstContentMs, stream, superseded, limits, ...rest } = record
  return {
    ...rest,
    stream: stream ? 1 : 0,
    superseded: superseded ? 1 : 0,
    upstreamRequestId: upstreamRequestId ?? null,
    errorKind: errorKind ?? null,
    currency: currency ?? null,
    firstContentMs: firstContentMs ?? null,
    inputTokens: usage.inputTokens,
    cachedTokens: usage.cachedInputTokens,
    outputTokens: usage.outputTokens,
    reasoningTokens: usage.reasoningTokens,
    usageSource: usage.source,
    limits: JSON.stringify(limits)
  }
}

export function recordOf (row: Record<string, SQLOutputValue>): LedgerRecord {
  const text = (column: string): string => String(row[column])
  const optional = (column: string): string | undefined => row[column] === null ? undefined : text(column)
  const count = (column: string): number => Number(row[column])
  return {
    requestId: text('request_id'),
    timeMs: count('time_ms'),
    team: text('team'),
    keyId: text('key_id'),
    model: text('model'),
    upstreamModel: text('upstream_model'),
    surface: text('surface'),
    upstream: text('upstream'),
    upstreamRequestId: optional('upstream_request_id'),
    stream: row['stream'] === 1,
    attempt: count('attempt'),
    superseded: row['superseded'] === 1,
    attempts: count('attempts'),
    status: count('status'),
    outcome: text('outcome') as LedgerRecord['outcome'],
    errorKind: optional('error_kind'),
    usage: {
      inputTokens: count('input_tokens'),
      cachedInputTokens: count('cached_tokens'),
      outputTokens: count('output_tokens'),
      reasoningTokens: count('reasoning_tokens'),
      source: text('usage_source') as 'reported' | 'estimated'
    },
    costNano: count('cost_nano'),
    currency: optional('currency'),
    firstContentMs: row['first_content_ms'] === null ? undefined : count('first_content_ms'),
    durationMs: count('duration_ms'),
    limits: limitsOf(text('limits'))
  }
}
