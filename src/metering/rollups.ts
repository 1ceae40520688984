import { totalTokens } from '../core/usage.ts'
import type { LedgerRecord } from './ledger.ts'

/**
 * Upper bounds of the buckets that durations are counted in, the bound included; the last bucket holds all that took longer.
 * Stores keep counts by these: they never change.
 */
export const LATENCY_BOUNDS_MS = [100, 200, 400, 700, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 180_000] as const

export const LATENCY_BUCKETS = LATENCY_BOUNDS_MS.length + 1

const HOUR_MS = 3_600_000

/** Sums over ledger records. */
export interface UsageCounts {
  readonly requests: number
  /** Requests that failed, were cut, or expired. A client that leaves is none. */
  readonly errors: number
  /** Attempts whose tokens were estimated. */
  readonly estimated: number
  readonly inputTokens: number
  readonly cachedTokens: number
  readonly outputTokens: number
  readonly reasoningTokens: number
  readonly costNano: number
  /** Of the requests in `durations`. */
  readonly durationMs: number
  /** How many requests took how long, by LATENCY_BOUNDS_MS. What expired took nobody knows how long. */
  readonly durations: readonly number[]
  /** Likewise until the first content came, of those that had any. */
  readonly firstContents: readonly number[]
}

/** One hour of a team, by key and model: what the dashboard and every report are made of. */
export interface UsageHour {
  readonly team: string
  /** When the hour begins, in UTC; a request counts in the one it began in. */
  readonly hourMs: number
  readonly keyId: string
  readonly model: string
  /** Undefined for a model without a price. */
  readonly currency: string | undefined
  readonly counts: UsageCounts
}

/** Where the sums are read. They are written in the same step as the records they are made of. */
export interface UsageReader {
  /** Whole UTC hours that begin in [fromMs, toMs), in that order, in batches of a bounded length. */
  read (team: string, fromMs: number, toMs: number): AsyncIterable<readonly UsageHour[]>
}

const NO_LATENCIES: readonly number[] = Array.from({ length: LATENCY_BUCKETS }, () => 0)

/** What one record adds to its hour. */
export function rollupOf (record: LedgerRecord): UsageHour {
  const { timeMs, team, keyId, model, currency, usage, costNano, superseded, outcome, durationMs, firstContentMs } = record
  const isTimed = !superseded && outcome !== 'expired'
  const isError = outcome === 'failed' || outcome === 'cut' || outcome === 'expired'
  return {
    team,
    hourMs: Math.floor(timeMs / HOUR_MS) * HOUR_MS,
    keyId,
    model,
    currency,
    counts: {
      requests: superseded ? 0 : 1,
      errors: !superseded && isError ? 1 : 0,
      estimated: usage.source === 'estimated' && totalTokens(usage) > 0 ? 1 : 0,
      inputTokens: usage.inputTokens,
      cachedTokens: usage.cachedInputTokens,
      outputTokens: usage.outputTokens,
      reasoningTokens: usage.reasoningTokens,
      costNano,
      durationMs: isTimed ? durationMs : 0,
      durations: isTimed ? oneIn(durationMs) : NO_LATENCIES,
      firstContents: isTimed && firstContentMs !== undefined ? oneIn(firstContentMs) : NO_LATENCIES
    }
  }
}

function oneIn (latencyMs: number): number[] {
  const found = LATENCY_BOUNDS_MS.findIndex((bound) => latencyMs <= bound)
  const bucket = found < 0 ? LATENCY_BOUNDS_MS.length : found
  return NO_LATENCIES.map((_, index) => index === bucket ? 1 : 0)
}

export const NO_COUNTS: UsageCounts = {
  requests: 0,
  errors: 0,
  estimated: 0,
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  costNano: 0,
  durationMs: 0,
  durations: NO_LATENCIES,
  firstContents: NO_LATENCIES
}

export function plus (one: UsageCounts, other: UsageCounts): UsageCounts {
  return {
    requests: one.requests + other.requests,
    errors: one.errors + other.errors,
    estimated: one.estimated + other.estimated,
    inputTokens: one.inputTokens + other.inputTokens,
    cachedTokens: one.cachedTokens + other.cachedTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    reasoningTokens: one.reasoningTokens + other.reasoningTokens,
    costNano: one.costNano + other.costNano,
    durationMs: one.durationMs + other.durationMs,
    durations: one.durations.map((count, bucket) => count + (other.durations[bucket] ?? 0)),
    firstContents: one.firstContents.map((count, bucket) => count + (other.firstContents[bucket] ?? 0))
  }
}

/** True for sums of nothing, as they are left where a record was taken back. */
export function isNothing ({ requests, durations, firstContents, ...others }: UsageCounts): boolean {
  return requests === 0 && [...Object.values(others), ...durations, ...firstContents].every((count) => count === 0)
}
