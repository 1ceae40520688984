import { StoreUnavailable } from './store.ts'
import { createBreaker } from './breaker.ts'
import type { Breaker } from './breaker.ts'
import type { Clock } from '../core/clock.ts'
import type { Report, StoreOperation } from './trouble.ts'

/** Whether calls go through, none does, or one is tried. */
export type BreakerState = 'closed' | 'open' | 'half_open'

/** Knows whether a store answers, and keeps calls from one that does not. */
export interface StoreHealth {
  /** False until the first contact. */
  readonly isUp: boolean
  readonly breaker: BreakerState
  /** Makes a call while the store is up. @throws StoreUnavailable `breaker_open`, or whatever the call throws */
  guard<Reply> (operation: StoreOperation, call: () => Promise<Reply>): Promise<Reply>
  /** Looks for the store, and from then on by itself whenever it is away. Resolves after the first look, whatever it saw. */
  start (): Promise<void>
  close (): void
}

export interface StoreHealthDeps {
  readonly clock: Clock
  readonly report: Report
  /** A call that changes nothing and tells whether the store is there. */
  readonly probe: () => Promise<unknown>
  /** Called each time the store is there again, the first included. */
  readonly returned: () => void
}

const BREAKER_OPEN = 'breaker_open'
/** A store without memory refuses reservations alone: it is not away. */
export const OUT_OF_MEMORY = 'OOM'
const PROBE_INTERVAL_MS = 500

export function createStoreHealth (deps: StoreHealthDeps): StoreHealth {
  return new Health(deps)
}

class Health implements StoreHealth {
  isUp = false
  readonly #deps: StoreHealthDeps
  readonly #breaker: Breaker
  #isClosed = false
  #isLooking = false
  #stopTimer: (() => void) | undefined

  constructor (deps: StoreHealthDeps) {
    this.#deps = deps
    this.#breaker = createBreaker(deps.clock)
  }

  get breaker (): BreakerState {
    if (this.isUp) return 'closed'
    return this.#isLooking ? 'half_open' : 'open'
  }

  async guard<Reply> (operation: StoreOperation, call: () => Promise<Reply>): Promise<Reply> {
    if (!this.isUp) throw new StoreUnavailable(BREAKER_OPEN)
    try {
      const reply = await call()
      this.#breaker.succeeded()
      return reply
    } catch (caught) {
      if (caught instanceof StoreUnavailable) this.#failed(operation, caught.code)
      throw caught
    }
  }

  async start (): Promise<void> {
    const code = await this.#look()
    if (code !== undefined) this.#turn(false, code)
  }

  close (): void {
    this.#isClosed = true
    this.#stopTimer?.()
  }

  #failed (operation: StoreOperation, code: string): void {
    this.#deps.report({ kind: 'store_error', operation, code })
    if (code === OUT_OF_MEMORY || !this.#breaker.failed() || !this.isUp) return
    this.#turn(false, code)
    this.#lookLater()
  }

  #turn (isUp: boolean, code: string | undefined): void {
    this.isUp = isUp
    this.#deps.report({ kind: 'store_state', isUp, code })
  }

  #lookLater (): void {
    if (!this.#isClosed) this.#stopTimer = this.#deps.clock.setTimer(PROBE_INTERVAL_MS, () => { void this.#look() })
  }

  /** @returns why the store is still away */
  async #look (): Promise<string | undefined> {
    this.#isLooking = true
    const code = await this.#deps.probe().then(() => undefined, codeOf)
    this.#isLooking = false
    if (this.#isClosed) return code
    if (code === undefined) {
      this.#breaker.reset()
      this.#turn(true, code)
      this.#deps.returned()
    } else {
      this.#lookLater()
    }
    return code
  }
}

function codeOf (caught: unknown): string {
  return caught instanceof StoreUnavailable ? caught.code : String(caught)
}
