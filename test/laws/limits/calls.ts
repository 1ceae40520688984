import type {
  RenewCall, RenewReply, ReserveCall, ReserveReply, SettleCall, SettleReply, StoreState
} from '../../../src/limits/store.ts'

/** A step on one team's state, as data. */
export type Call =
  | { readonly step: 'reserve', readonly args: ReserveCall }
  | { readonly step: 'settle', readonly args: SettleCall }
  | { readonly step: 'renew', readonly args: RenewCall }
  | { readonly step: 'hold', readonly args: { readonly team: string, readonly durationMs: number } }

/** `rejected`: the call made no sense, and the store threw. */
export type Reply = ReserveReply | SettleReply | RenewReply | StoreState | 'rejected'

/** A call at a time of the store's clock. */
export interface Timed { readonly nowMs: number, readonly call: Call }
