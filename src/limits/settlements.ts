import { StoreUnavailable } from './store.ts'
import { createPending, keyOf } from './pending.ts'
import type { LedgerRecord } from '../metering/ledger.ts'
import type { LimitStore, SettleCall, SettleReply } from './store.ts'
import type { LostReason } from './trouble.ts'
import type { Pending, PendingDeps } from './pending.ts'

/** Brings every settlement to the store, once, whatever happens on the way. */
export interface Settlements {
  /**
   * Resolves when the store has acknowledged it; where the store does not at the first try, it is pending from then on: in
   * the spool, or in memory where there is none or it cannot be written. It never rejects.
   */
  settle (call: SettleCall): Promise<void>
  readonly pending: number
  /** How long the oldest pending one has been waiting; 0 where none is. */
  oldestMs (): number
  /** False while the spool cannot be written: a process that dies then loses what was used. */
  readonly healthy: boolean
  /** Tries what is pending at once: the store is there again. */
  retry (): void
  /** Tries until nothing is pending, for at most `timeoutMs`. */
  drain (timeoutMs: number): Promise<void>
  close (): void
}

export interface SettlementsDeps extends PendingDeps {
  readonly random: () => number
  /** Told of each record as it is given here, once. */
  readonly charged?: (record: LedgerRecord) => void
  /** Told of each settlement that is final; `isCounted` is false where the store will never take it. It may be told twice. */
  readonly ended: (call: SettleCall, isCounted: boolean) => void
}

export function createSettlements (store: LimitStore, deps: SettlementsDeps): Settlements {
  const sender = new Sender(store, deps)
  return {
    settle: (call) => sender.settle(call),
    get pending () { return sender.pending.size },
    oldestMs: () => sender.pending.oldestMs(),
    get healthy () { return deps.spool?.isHealthy ?? true },
    retry: () => sender.retry(),
    drain: (timeoutMs) => sender.drain(timeoutMs),
    close: () => sender.close()
  }
}

/** Pending ones that are sent at a time. */
const SENT_AT_ONCE_MAX = 16
/** Beyond these, new ones wait with the pending ones. */
const SENDING_MAX = 256
const DELAY_MS = 100
const DELAY_MS_MAX = 5_000
const DOUBLINGS_MAX = 6
/** A settlement the store finds fault with is tried so often, in case the fault was the store's. */
const REFUSALS_MAX = 5

class Sender {
  readonly pending: Pending
  readonly #store: LimitStore
  readonly #deps: SettlementsDeps
  readonly #sending = new Set<string>()
  readonly #refusals = new Map<string, number>()
  #isPumping = false
  #isClosed = false
  #fruitless = 0
  #stopTimer: (() => void) | undefined
  #emptied: (() => void) | undefined

  constructor (store: LimitStore, deps: SettlementsDeps) {
    this.#store = store
    this.#deps = deps
    this.pending = createPending(deps)
  }

  async settle (call: SettleCall): Promise<void> {
    if (call.record !== undefined) this.#deps.charged?.(call.record)
    const isKept = await this.pending.add(call)
    if (this.#isClosed) return
    const isEnded = this.#sending.size < SENDING_MAX && await this.#send(call)
    if (isEnded) return
    if (isKept) this.#pumpLater()
    else this.#lost(call, 'overflow', undefined)
  }

  retry (): void {
    this.#fruitless = 0
    void this.#pump()
  }

  async drain (timeoutMs: number): Promise<void> {
    if (this.pending.size === 0) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#emptied = () => resolve(undefined)
    const stop = this.#deps.clock.setTimer(timeoutMs, this.#emptied)
    this.retry()
    await promise
    stop()
  }

  close (): void {
    this.#isClosed = true
    this.#stopTimer?.()
  }

  /** Sends what is pending until nothing is left or nothing gets through. */
  async #pump (): Promise<void> {
    if (this.#isPumping || this.#isClosed) return
    this.#isPumping = true
    this.#stopTimer?.()
    this.#stopTimer = undefined
    try {
      while (await this.#sendNext()) this.#fruitless = 0
    } catch (cause) {
      this.#deps.report({ kind: 'upkeep_failed', cause })
    }
    this.#isPumping = false
    if (this.pending.size > 0) this.#pumpLater()
  }

  #pumpLater (): void {
    if (this.#isClosed || this.#isPumping || this.#stopTimer !== undefined) return
    const delayMs = Math.min(DELAY_MS_MAX, DELAY_MS * 2 ** Math.min(this.#fruitless++, DOUBLINGS_MAX))
    const { clock, random } = this.#deps
    this.#stopTimer = clock.setTimer(delayMs * (0.5 + random() / 2), () => { void this.#pump() })
  }

  /** @returns whether any of them is done with */
  async #sendNext (): Promise<boolean> {
    const calls = this.pending.next().filter((call) => !this.#sending.has(keyOf(call)))
    let isFruitful = false
    for (let first = 0; first < calls.length && !this.#isClosed; first += SENT_AT_ONCE_MAX) {
      const ends = await Promise.all(calls.slice(first, first + SENT_AT_ONCE_MAX).map((call) => this.#send(call)))
      isFruitful ||= ends.includes(true)
    }
    return isFruitful && !this.#isClosed
  }

  /** @returns whether it is done with */
  async #send (call: SettleCall): Promise<boolean> {
    const key = keyOf(call)
    if (this.#sending.has(key)) return false
    this.#sending.add(key)
    try {
      const reply = await this.#store.settle(call)
      return reply.status === 'old' ? await this.#bury(call, 'old', undefined) : await this.#settled(call, reply)
    } catch (caught) {
      return await this.#failed(call, caught)
    } finally {
      this.#sending.delete(key)
      if (this.pending.size === 0) this.#emptied?.()
    }
  }

  async #settled (call: SettleCall, reply: SettleReply): Promise<boolean> {
    this.#refusals.delete(keyOf(call))
    const isDone = await this.pending.settled(call, reply)
    this.#deps.ended(call, true)
    return isDone
  }

  async #failed (call: SettleCall, caught: unknown): Promise<boolean> {
    if (caught instanceof StoreUnavailable) return false
    const times = (this.#refusals.get(keyOf(call)) ?? 0) + 1
    this.#refusals.set(keyOf(call), times)
    return times >= REFUSALS_MAX && await this.#bury(call, 'refused', caught)
  }

  async #bury (call: SettleCall, reason: LostReason, cause: unknown): Promise<boolean> {
    this.#refusals.delete(keyOf(call))
    const isDone = await this.pending.bury(call)
    this.#lost(call, reason, cause)
    return isDone
  }

  #lost (call: SettleCall, reason: LostReason, cause: unknown): void {
    this.#deps.report({ kind: 'settlement_lost', team: call.team, rid: call.rid, reason, cause })
    this.#deps.ended(call, false)
  }
}
