/** Time, as tests replace it. Wall time is for records, monotonic time for durations and deadlines. */
export interface Clock {
  nowMs (): number
  monotonicMs (): number
  /** Calls `action` once after `delayMs` unless the returned function is called before. */
  setTimer (delayMs: number, action: () => void): () => void
}

/** Identifiers, as tests replace them. */
export interface Ids {
  /**
   * A UUID of version 7, whose first 48 bits are the time in ms: a store finds what it has of a request by its hour.
   * DashScope's request_id and the part of OpenAI's `chatcmpl-…` after the dash have the form of a UUID.
   */
  requestId (): string
}
