import type { Call, Reply, Timed } from './calls.ts'
import type { LimitStore } from '../../../src/limits/store.ts'
import type { TeamDump } from './dump.ts'

/** A real store, seen as the model is. */
export interface Subject {
  readonly name: 'embedded' | 'Redis'
  /** Whether leases outlive the store's process, and a dump shows when they end. */
  readonly keepsLeases: boolean
  /** The next call may follow before the reply is there: stores take calls in their order. */
  take (timed: Timed): Promise<Reply>
  dump (team: string): Promise<TeamDump>
  /** Forgets everything. */
  clear (): Promise<void>
  /** As after the death of its process. */
  restart (): Promise<void>
  /** Remembers all it holds. The result brings that back, and forgets all that has come since. */
  save (): Promise<() => Promise<void>>
  close (): Promise<void>
}

/** A call that makes no sense gets a reply as any other; that a store is not there is none. */
export async function takenBy (store: LimitStore, call: Call): Promise<Reply> {
  try {
    switch (call.step) {
      case 'reserve': return await store.reserve(call.args)
      case 'settle': return await store.settle(call.args)
      case 'renew': return await store.renew(call.args)
      case 'hold': return await store.hold(call.args)
    }
  } catch (cause) {
    if (cause instanceof TypeError || cause instanceof RangeError) return 'rejected'
    throw cause
  }
}

/** Stores differ in whether they say what is undefined. */
export function plain<Value> (value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value
}
