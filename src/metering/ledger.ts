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

/** What was charged, for whoever asks. Records get there by the store's settlement, in the same step as the charge. */
export interface Ledger {
  /** The record of one request, as its own team may see it. */
  find (requestId: string, team: string): Promise<LedgerRecord | undefined>
}

/** Remembers refusals for a while, so that they can be explained. Under a flood it may forget some; it never fails a request. */
export interface Refusals {
  append (refusal: RefusalRecord): void
  find (requestId: string, team: string): Promise<RefusalRecord | undefined>
}
