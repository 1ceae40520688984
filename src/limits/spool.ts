import type { SettleCall, StoreState } from './store.ts'

/**
 * Settlements on the gateway's own disk, so that none is lost while the store is away or its process dies. It holds
 * counts, ids and model names, and never a word of a prompt.
 *
 * A settlement is pending until the store has acknowledged it, and is kept for SPOOL_KEPT_MS from then on: a store that
 * fails over may have lost it again. What was ever acknowledged is also added up, window by window, for a store that has
 * lost everything.
 */
export interface Spool {
  /** False from a write that failed until the next that succeeds. */
  readonly isHealthy: boolean
  readonly pending: number
  /** How long the oldest pending settlement has been waiting; 0 where none is. */
  oldestMs (): number
  hasPending (team: string): boolean
  /** Resolves when it is on disk. The first of two with one id counts. @throws where it cannot be written */
  add (call: SettleCall): Promise<void>
  /**
   * Keeps a settlement that is not due yet: `add` makes it pending, or the next start does, as soon as nothing older is
   * pending any more. @throws where it cannot be written
   */
  holdBack (call: SettleCall): Promise<void>
  /** Pending settlements after a place, oldest first. */
  next (afterPlace: number, countMax: number): readonly SpooledCall[]
  /** The store has acknowledged it. @throws where it cannot be written; it then stays pending */
  settled (call: SettleCall, state: StoreState): Promise<void>
  /** The store will never take it: kept for people to look at. @throws where it cannot be written */
  bury (call: SettleCall): Promise<void>
  /** Makes pending again what one team's store, or every team's, has acknowledged of late. @throws where it cannot be written */
  replay (team: string | undefined): Promise<void>
  /**
   * After the loss of everything: `replay`, and one more pending settlement of all that was acknowledged before, under
   * another epoch than the present one. @throws where it cannot be written
   * @param present the store's state, as it was last seen: it may change meanwhile
   */
  rebuild (team: string, present: () => PresentState): Promise<void>
  /** What the store last said of each team, as far as its acknowledgements told. */
  seen (): ReadonlyMap<string, SeenState>
}

export interface SpooledCall { readonly place: number, readonly call: SettleCall }
export type PresentState = Pick<StoreState, 'epoch' | 'nowMs'>
export type SeenState = Pick<StoreState, 'version' | 'epoch'>

export const SPOOL_KEPT_MS = 120_000
