import { setTimeout as pause } from 'node:timers/promises'

/** Requests without an end, counted, until they are stopped. */
export interface Load {
  /** How many have been answered. */
  readonly answered: number
  /** Every answer that was not 200, and what was asked. */
  readonly failures: readonly string[]
  /** Waits until so many more have been answered. */
  more (requests: number): Promise<void>
  stop (): Promise<void>
}

export interface LoadOptions {
  readonly workers: number
  /** Asks once, and gives the status. @param worker which of them asks */
  readonly ask: (worker: number) => Promise<number>
  /** Requests a second of all workers together; by default as many as are answered. */
  readonly requestsPerSecond?: number | undefined
}

/** Beyond this the load is at fault and not the gateway. */
const ANSWERS_MAX = 100_000

export function startLoad ({ workers, ask, requestsPerSecond = Infinity }: LoadOptions): Load {
  const failures: string[] = []
  const startedMs = performance.now()
  const state = { answered: 0, asked: 0, isStopped: false }
  let waiting: { readonly until: number, readonly resolve: () => void }[] = []

  async function work (worker: number): Promise<void> {
    while (!state.isStopped && state.answered < ANSWERS_MAX) {
      const earlyMs = ++state.asked / requestsPerSecond * 1_000 - (performance.now() - startedMs)
      if (earlyMs > 1) await pause(earlyMs)
      const status = await ask(worker).catch((error: unknown) => String(error))
      if (status !== 200) failures.push(`worker ${worker}, answer ${state.answered}: ${status}`)
      state.answered++
      for (const { until, resolve } of waiting) if (state.answered >= until) resolve()
      waiting = waiting.filter(({ until }) => state.answered < until)
    }
    for (const { resolve } of waiting) resolve()
  }

  const ended = Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)))
  return {
    get answered () { return state.answered },
    failures,
    more: (requests) => new Promise((resolve) => { waiting.push({ until: state.answered + requests, resolve }) }),
    async stop () {
      state.isStopped = true
      await ended
    }
  }
}
