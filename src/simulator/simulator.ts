import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SYSTEM_CLOCK } from './clock.ts'
import type { SimulatorClock } from './clock.ts'
import { createExchange } from './exchange.ts'
import { isFault, parseFaults } from './faults/faults.ts'
import { INSTANT_PACE } from './pace.ts'
import type { Pace } from './pace.ts'
import { createRecords } from './records.ts'
import type { Bill, RequestRecord } from './records.ts'
import type { Author } from './responder.ts'

export interface SimulatorOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0, which takes any free port. */
  readonly port?: number
  /** The keys that are good; by default every key that begins with `sk-` is. */
  readonly keys?: readonly string[]
  /** Anything left out is as in INSTANT_PACE; MODEL_PACE is for demonstrations. */
  readonly pace?: Partial<Pace>
  /** Writes answers in place of the built-in ones. */
  readonly author?: Author
  /** How many requests are remembered; default 1,000. */
  readonly requestsMax?: number
}

/** A stand-in for DashScope that speaks both its protocols on one port. */
export interface Simulator {
  readonly url: string
  readonly port: number
  /** What was asked, oldest first. */
  readonly requests: readonly RequestRecord[]
  /** What each key was charged. */
  readonly billed: ReadonlyMap<string, Bill>
  /**
   * The next chat request without a fault of its own meets these: `name` or `name=value`, several with commas between
   * them. Throws a RangeError for an unknown name, or with ten thousand waiting.
   */
  enqueue (faults: string): void
  /** Asks `choose` for the faults of every chat request that neither names nor meets queued ones. */
  script (choose: ((request: RequestRecord) => string | undefined) | undefined): void
  /** Breaks off what is running and frees the port. */
  close (): Promise<void>
}

const SYSTEM: SimulatorDeps = { clock: SYSTEM_CLOCK }
const REQUESTS_MAX = 1_000
const KEYS_MAX = 10_000
const QUEUE_MAX = 10_000
/** Longer than Node's own five seconds, so that idle connections outlive the pauses between tests. */
const KEEP_ALIVE_MS = 60_000

export interface SimulatorDeps { readonly clock: SimulatorClock }

/** Listens and answers. Rejects when the port is taken. */
export async function startSimulator (options: SimulatorOptions = {}, deps: SimulatorDeps = SYSTEM): Promise<Simulator> {
  const records = createRecords(options.requestsMax ?? REQUESTS_MAX, KEYS_MAX)
  const queue: string[] = []
  let choose: ((request: RequestRecord) => string | undefined) | undefined
  const closing = new AbortController()
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, createExchange({
    records,
    clock: deps.clock,
    startedMs: deps.clock.nowMs(),
    closing: closing.signal,
    keys: options.keys,
    pace: { ...INSTANT_PACE, ...options.pace },
    author: options.author ?? (() => undefined),
    faultsFor: record => parseFaults(queue.shift() ?? choose?.(record) ?? '')
  }))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  const { address, family, port } = server.address() as AddressInfo

  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    port,
    requests: records.requests,
    billed: records.billed,
    enqueue (faults) {
      const unknown = parseFaults(faults).find(fault => !isFault(fault))
      if (unknown !== undefined) throw new RangeError(`simulator: no fault is called ${unknown}`)
      if (queue.length >= QUEUE_MAX) throw new RangeError(`simulator: more than ${QUEUE_MAX} faults are waiting`)
      queue.push(faults)
    },
    script (chooser) {
      choose = chooser
    },
    async close () {
      closing.abort()
      await new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    }
  }
}
