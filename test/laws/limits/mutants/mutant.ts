/** A bug that somebody might well write: one place of one file reads otherwise. */
export interface Mutant {
  readonly bug: string
  readonly file: string
  /** Occurs exactly once. */
  readonly from: string
  readonly to: string
}
