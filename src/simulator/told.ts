import type { Call } from './call.ts'
import type { Choice } from './completion.ts'
import type { Identity } from './identity.ts'
import type { Pace } from './pace.ts'

/** Everything there is to say to a call, before a dialect gives it its shape. */
export interface Told {
  readonly call: Call
  readonly inputTokens: number
  readonly choices: readonly Choice[]
  readonly identity: Identity
  readonly pace: Pace
}
