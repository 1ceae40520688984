import { GatewayError } from '../core/errors.ts'
import type { Meter } from './meter.ts'
import type { OpenedCall, ReplyIdentity } from '../core/protocol.ts'
import type { Target } from '../core/catalog.ts'

/** Turns an upstream's stream into the client's. It writes as it goes and throws GatewayError where the answer fails. */
export interface Lane {
  push (chunk: Buffer): void
  /** The upstream has closed. @throws GatewayError where the answer is not whole */
  end (): void
  /** Whether every choice that has begun has ended: all that can still come is what it used. */
  readonly ended: boolean
  /** Where all of the answer has come, ends it and says true. For an upstream that breaks off after its last word. */
  endWhole (): boolean
  /** Ends the answer where it stands, as one that has reached its length. @throws GatewayError where that cannot be said */
  cut (): void
  /** Tells the client of a failure inside a stream whose head is out. */
  errorBytes (error: GatewayError): Buffer | undefined
  /** Grows with every event that carries more than comments; the idle deadline watches it. */
  readonly eventsSeen: number
}

export interface LaneOptions {
  readonly opened: OpenedCall
  readonly target: Target
  readonly meter: Meter
  readonly write: (bytes: Buffer) => void
  readonly identity: ReplyIdentity
}

/** For answers of several choices: which of them is over the hold cannot be told to their client. */
export function pastHold (): GatewayError {
  return new GatewayError('upstream_protocol', 'The upstream went on past the length it was given.')
}

/** Longest event taken from an upstream. */
export const EVENT_BYTES_MAX = 16 * 1024 * 1024
