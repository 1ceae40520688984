/** Most names that are remembered at a time, of all gateways that share the store. */
export const IDEMPOTENCY_KEYS_MAX = 10_000

/** Most characters of a text that is kept under a name. */
export const KEPT_CHARACTERS_MAX = 131_072

export type Taking =
  | { readonly status: 'new' }
  /** Somebody was first, with this text. */
  | { readonly status: 'known', readonly text: string }
  /** Too many are remembered. */
  | { readonly status: 'full' }

/**
 * Short texts under names of which each is taken by one alone, until its time is over by the store's clock. All reject with
 * GatewayError `store_unavailable`.
 */
export interface IdempotencyStore {
  take (name: string, text: string, lifeMs: number): Promise<Taking>
  /** Puts another text in the place of this one, unless that is gone. */
  replace (name: string, replacement: Replacement): Promise<void>
  /** Gives a name back, unless the text is another one by now. */
  release (name: string, text: string): Promise<void>
}

export interface Replacement { readonly from: string, readonly to: string, readonly lifeMs: number }
