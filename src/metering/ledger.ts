import type { Usage } from '../core/usage.ts'

/** One billable exchange. It never holds a word of a prompt or an answer. */
export interface LedgerRecord {
  readonly requestId: string
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
  readonly attempts: number
  readonly outcome: 'completed' | 'failed' | 'client_closed'
  readonly errorKind: string | undefined
  readonly usage: Usage
  readonly costNano: number
  readonly currency: string | undefined
  readonly firstContentMs: number | undefined
  readonly durationMs: number
}

/** Where records go. Appending never fails a request: what cannot be written is counted and logged by the store. */
export interface Ledger {
  append (record: LedgerRecord): void
  /** The record of one request, as its own team may see it. */
  find (requestId: string, team: string): LedgerRecord | undefined
}
