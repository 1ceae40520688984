import type { IncomingHttpHeaders } from 'node:http'
import type { Charge } from './reply.ts'

/** What the simulator saw of one request. The fields without `readonly` are filled as it goes on. */
export interface RequestRecord {
  /** From 1, in order of arrival. */
  readonly sequence: number
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly receivedMs: number
  body: Buffer
  /** The body as JSON, integers exact; undefined where it is none. */
  json: unknown
  /** The bearer token. */
  key: string | undefined
  faults: readonly string[]
  status: number | undefined
  ending: 'open' | 'complete' | 'broken off' | 'client gone'
  endedMs: number | undefined
  /** When the client closed the connection before the answer was whole. */
  disconnectedMs: number | undefined
  charge: Charge
}

/** All that one key was charged. `requests` counts the charged ones. */
export interface Bill {
  readonly requests: number
  readonly inputTokens: number
  readonly outputTokens: number
}

type Outcome = Pick<RequestRecord, 'ending' | 'endedMs' | 'charge'>

export interface Records {
  readonly requests: readonly RequestRecord[]
  readonly billed: ReadonlyMap<string, Bill>
  open (seen: Pick<RequestRecord, 'method' | 'path' | 'headers' | 'receivedMs'>): RequestRecord
  close (record: RequestRecord, outcome: Outcome): void
}

/** Whose bill is meant when there are too many keys to keep one for each. */
export const OTHER_KEYS = 'other keys'

/** Keeps the last `requestsMax` requests, and a bill for each of the first `keysMax` keys that were charged. */
export function createRecords (requestsMax: number, keysMax: number): Records {
  const requests: RequestRecord[] = []
  const billed = new Map<string, Bill>()
  let sequence = 0
  return { requests, billed, open, close }

  function open (seen: Pick<RequestRecord, 'method' | 'path' | 'headers' | 'receivedMs'>): RequestRecord {
    const record: RequestRecord = {
      ...seen,
      sequence: ++sequence,
      body: Buffer.alloc(0),
      json: undefined,
      key: undefined,
      faults: [],
      status: undefined,
      ending: 'open',
      endedMs: undefined,
      disconnectedMs: undefined,
      charge: { inputTokens: 0, outputTokens: 0 }
    }
    requests.push(record)
    if (requests.length > requestsMax) requests.shift()
    return record
  }

  function close (record: RequestRecord, { ending, endedMs, charge }: Outcome): void {
    Object.assign(record, { ending, endedMs, charge: { inputTokens: charge.inputTokens, outputTokens: charge.outputTokens } })
    if (ending === 'client gone') record.disconnectedMs = endedMs
    if (record.key === undefined || charge.inputTokens + charge.outputTokens === 0) return
    const payer = billed.has(record.key) || billed.size < keysMax ? record.key : OTHER_KEYS
    const bill = billed.get(payer) ?? { requests: 0, inputTokens: 0, outputTokens: 0 }
    billed.set(payer, {
      requests: bill.requests + 1,
      inputTokens: bill.inputTokens + charge.inputTokens,
      outputTokens: bill.outputTokens + charge.outputTokens
    })
  }
}
