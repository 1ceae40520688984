import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { Clock } from '../../core/clock.ts'
import type { Ledger, LedgerRecord } from '../../metering/ledger.ts'

export interface EmbeddedLedger extends Ledger {
  /** Writes what is still held. */
  flush (): void
}

/** Records are written together, at most this late: one transaction costs as much as fifty inserts. */
const FLUSH_DELAY_MS = 50
/** A batch this long is written at once. */
const BATCH_RECORDS_MAX = 500

const INSERT = `INSERT INTO ledger VALUES (
  $requestId, $timeMs, $team, $keyId, $model, $upstreamModel, $surface, $upstream, $upstreamRequestId, $stream, $attempts, $outcome,
  $errorKind, $inputTokens, $cachedTokens, $outputTokens, $reasoningTokens, $usageSource, $costNano, $currency, $firstContentMs, $durationMs
) ON CONFLICT DO NOTHING`

/** Told of every record that could not be written, once. */
export type LostRecord = (record: LedgerRecord, cause: unknown) => void

export function createEmbeddedLedger (database: DatabaseSync, clock: Clock, onLost: LostRecord = rethrow): EmbeddedLedger {
  const insert = database.prepare(INSERT)
  const select = database.prepare('SELECT * FROM ledger WHERE request_id = ? AND team = ?')
  let batch: LedgerRecord[] = []
  let stopTimer: (() => void) | undefined

  function flush (): void {
    stopTimer?.()
    stopTimer = undefined
    const records = batch
    batch = []
    if (records.length > 0) write(records)
  }

  /** One record that cannot be written takes no other with it. */
  function write (records: readonly LedgerRecord[]): void {
    try {
      database.exec('BEGIN')
      for (const record of records) insert.run(rowOf(record))
      database.exec('COMMIT')
    } catch (cause) {
      if (database.isTransaction) database.exec('ROLLBACK')
      if (records.length === 1) onLost(records[0] as LedgerRecord, cause)
      else for (const record of records) write([record])
    }
  }

  return {
    flush,
    append (record) {
      batch.push(record)
      if (batch.length >= BATCH_RECORDS_MAX) flush()
      else stopTimer ??= clock.setTimer(FLUSH_DELAY_MS, flush)
    },
    find (requestId, team) {
      flush()
      const row = select.get(requestId, team)
      return row === undefined ? undefined : recordOf(row)
    }
  }
}

function rethrow (_record: LedgerRecord, cause: unknown): never {
  throw cause
}

function rowOf (record: LedgerRecord): Record<string, string | number | null> {
  const { usage, upstreamRequestId, errorKind, currency, firstContentMs, stream, ...rest } = record
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
    usageSource: usage.source
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
    durationMs: count('duration_ms')
  }
}
