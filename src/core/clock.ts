/** Time, as tests replace it. Wall time is for records, monotonic time for durations and deadlines. */
export interface Clock {
  nowMs (): number
  monotonicMs (): number
  /** Calls `action` once after `delayMs` unless the returned function is called before. */
  setTimer (delayMs: number, action: () => void): () => void
}

/** Identifiers, as tests replace them. */
export interface Ids {
  /** A UUID: DashScope's request_id and the part of OpenAI's `chatcmpl-…` after the dash have this form. */
  requestId (): string
}
