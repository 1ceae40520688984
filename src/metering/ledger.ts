import type { LimitReport } from './limit-report.ts'
import type { Usage } from '../core/usage.ts'

/**
 * One billable attempt of a request, or the end of an admitted request that cost nothing. It never holds a word of a prompt
 * or an answer.
 */
export interface LedgerRecord {
  readonly requestId: string
  /** When the request began, whichever of its attempts this is. */
  readonly timeMs: number
  readonly team: string
  readonly keyId: string
  /** The model as catalogued, and its name at the upstream. */
  readonly model: string
  readonly upstreamModel: string
  readonly surface: string
  readonly upstream: string
  readonly upstreamRequestId: string | undefined
  readonly stream: boolean
  /** Which of the request's records this is, from 1. */
  readonly attempt: number
  /** Another record of the same request follows, and counts the request. */
  readonly superseded: boolean
  /** Tries that were made until then, whether or not anything was billed for them. */
  readonly attempts: number
  /** What the client was answered with: 200 for a stream that began, 499 where it left before. */
  readonly status: number
  /**
   * `cut`: the upstream ran on past what was held for it, and the answer was ended there. `expired`: nobody said what was
   * used, and the lease of what was held ran out; it is charged in full.
   */
  readonly outcome: 'completed' | 'failed' | 'client_closed' | 'cut' | 'expired'
  readonly errorKind: string | undefined
  readonly usage: Usage
  readonly costNano: number
  readonly currency: string | undefined
  readonly firstContentMs: number | undefined
  readonly durationMs: number
  /** What every limit that applied said when the request was let in. */
  readonly limits: readonly LimitReport[]
}

/** A request that a limit refused: it reached no upstream and cost nothing. */
export interface RefusalRecord {
  readonly requestId: string
  readonly timeMs: number
  readonly team: string
  readonly keyId: string
  readonly model: string
  readonly errorKind: string
  readonly message: string
  readonly limits: readonly LimitReport[]
}

/** What is listed, and a text that sorts like the time it was written at: unique among all that can be listed. */
export interface Listed<Item> { readonly cursor: string, readonly record: Item }

/** Records of requests that began in [fromMs, toMs), at most `limit` of them; fewer mean that there are no more. */
export interface ListQuery {
  readonly team: string
  readonly fromMs: number
  readonly toMs: number
  /** Only what was written before that: the cursor of the last one that was listed, of whatever source. */
  readonly before?: string
  readonly limit: number
}

/**
 * What was charged, for whoever asks. Records get there by the store's settlement, or by the end of a lease, in the same step
 * as the charge; those of expired leases go when a settlement comes late.
 */
export interface Ledger {
  /** All records of one request, in the order of its attempts, as its own team may see them. */
  find (requestId: string, team: string): Promise<readonly LedgerRecord[]>
  /** The latest first. */
  list (query: ListQuery): Promise<readonly Listed<LedgerRecord>[]>
}

/** Remembers refusals for a while, so that they can be explained. Under a flood it may forget some; it never fails a request. */
export interface Refusals {
  append (refusal: RefusalRecord): void
  find (requestId: string, team: string): Promise<RefusalRecord | undefined>
  /** The latest first. */
  list (query: ListQuery): Promise<readonly Listed<RefusalRecord>[]>
}

/**
 * A record with a number that no store can keep would take other records with it, or spoil a sum, so it is looked at before.
 * @throws TypeError for a number that is not whole
 */
export function checkRecord ({ usage, limits, ...rest }: LedgerRecord): void {
  for (const [name, value] of Object.entries({ ...rest, ...usage })) {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new TypeError(`${value} is nothing that ${name} of a ledger record could be`)
  }
}
