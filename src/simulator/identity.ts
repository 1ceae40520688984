import { createHash } from 'node:crypto'

/** The names one answer goes by. */
export interface Identity {
  /** A UUID, as DashScope's `request_id`. */
  readonly requestId: string
  readonly createdSeconds: number
  /** `call_` and 24 hexadecimal digits. */
  toolCallId (choice: number, index: number): string
}

/** Made from when the simulator started and the number of the request: no two alike, and the same in every run of a test. */
export function identityOf (startedMs: number, sequence: number, nowMs: number): Identity {
  const digits = hexOf(`${startedMs}/${sequence}`)
  return {
    requestId: digits.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    createdSeconds: Math.floor(nowMs / 1000),
    toolCallId: (choice, index) => `call_${hexOf(`${digits}/${choice}/${index}`).slice(0, 24)}`
  }
}

function hexOf (text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
