import { limitsOf } from './limit-reports.ts'
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { Ledger, LedgerRecord } from '../../metering/ledger.ts'

const INSERT = `INSERT INTO ledger VALUES (
  $requestId, $timeMs, $team, $keyId, $model, $upstreamModel, $surface, $upstream, $upstreamRequestId, $stream, $attempts, $outcome,
  $errorKind, $inputTokens, $cachedTokens, $outputTokens, $reasoningTokens, $usageSource, $costNano, $currency, $firstContentMs, $durationMs,
  $limits
) ON CONFLICT DO NOTHING`

/** Records get here by settlements: see `createLedgerWriter`. */
export function createEmbeddedLedger (database: DatabaseSync): Ledger {
  const select = database.prepare('SELECT * FROM ledger WHERE request_id = ? AND team = ?')
  return {
    async find (requestId, team) {
      const row = select.get(requestId, team)
      return row === undefined ? undefined : recordOf(row)
    }
  }
}

/** Inserts records, each request's first only, within whatever transaction is open. */
export function createLedgerWriter (database: DatabaseSync): { insert (record: LedgerRecord): void } {
  const insert = database.prepare(INSERT)
  return { insert (record) { insert.run(rowOf(record)) } }
}

/**
 * One record that cannot be written would take all of its transaction with it, so it is looked at before.
 * @throws TypeError for a number that is not whole
 */
export function checkRecord (record: LedgerRecord): void {
  for (const [column, value] of Object.entries(rowOf(record))) {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new TypeError(`${value} is nothing that ${column} of a ledger record could be`)
  }
}

function rowOf (record: LedgerRecord): Record<string, string | number | null> {
  const { usage, upstreamRequestId, errorKind, currency, firstContentMs, stream, limits, ...rest } = record
  return {
    ...rest,
    stream: stream ? 1 : 0,
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

function recordOf (row: Record<string, SQLOutputValue>): LedgerRecord {
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
    attempts: count('attempts'),
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
