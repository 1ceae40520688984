import fc from 'fast-check'
import type { ChatEvent } from '../../src/core/event.ts'
import type { GatewayError } from '../../src/core/errors.ts'
import type { OpenedCall, Protocol } from '../../src/core/protocol.ts'
import { createByteLane } from '../../src/relay/byte-lane.ts'
import { createCanonicalLane } from '../../src/relay/canonical-lane.ts'
import type { Lane } from '../../src/relay/lane.ts'
import { parseEvent } from '../../src/sse/parser.ts'
import { Splitter } from '../../src/sse/splitter.ts'
import { targetOf } from '../support/calls.ts'
import { IDENTITY, plainCall } from './protocols.ts'
import type { Answer } from './answers.ts'

const EVENT_BYTES_MAX = 1_048_576

/** The answer as a stream of this protocol, each event's bytes apart. */
export function piecesOf (protocol: Protocol, { choices, events }: Answer): Buffer[] {
  const encoder = plainCall(protocol, { choices, stream: true }).createEncoder(IDENTITY)
  return events.map((event) => encoder.encode(event) ?? Buffer.alloc(0))
}

export function streamOf (protocol: Protocol, answer: Answer): Buffer {
  return Buffer.concat(piecesOf(protocol, answer))
}

/** Where a network cuts a stream, as numbers to be taken modulo its length. */
export const cuts = fc.array(fc.nat(), { maxLength: 24 })

export function chunksOf (stream: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length])].sort((a, b) => a - b)
  return places.slice(1).map((place, index) => stream.subarray(places[index], place))
}

/** What a reader of this protocol makes of the chunks. */
export function decoded (protocol: Protocol, chunks: readonly Buffer[]): ChatEvent[] {
  const decoder = protocol.dialect.createDecoder(targetOf(protocol))
  const splitter = new Splitter(EVENT_BYTES_MAX)
  const events: ChatEvent[] = []
  for (const chunk of chunks) splitter.push(chunk, (raw) => events.push(...decoder.decode(parseEvent(raw))))
  const rest = splitter.rest()
  if (rest.length > 0) events.push(...decoder.decode(parseEvent(rest)))
  return [...events, ...decoder.end()]
}

export interface Relayed {
  readonly bytes: Buffer
  /** The failure, if the answer was not whole; its bytes are the last of `bytes`. */
  readonly error: GatewayError | undefined
}

/** A stream on its way through the lane its two protocols take, as the pump drives it. */
export function relayed ({ surface, dialect }: { surface: Protocol, dialect: Protocol }, chunks: readonly Buffer[], choices: number): Relayed {
  const written: Buffer[] = []
  const opened = plainCall(surface, { choices, stream: true })
  const lane = laneOf({ surface, dialect, opened, write: (bytes) => { written.push(Buffer.from(bytes)) } })
  try {
    for (const chunk of chunks) lane.push(chunk)
    lane.end()
    return { bytes: Buffer.concat(written), error: undefined }
  } catch (caught) {
    const error = caught as GatewayError
    return { bytes: Buffer.concat([...written, lane.errorBytes(error) ?? Buffer.alloc(0)]), error }
  }
}

interface LaneParts { readonly surface: Protocol, readonly dialect: Protocol, readonly opened: OpenedCall, readonly write: (bytes: Buffer) => void }

function laneOf ({ surface, dialect, opened, write }: LaneParts): Lane {
  const meter = { answered () {}, contentSeen () {}, watch () {}, pastHold: () => false, async supersede () {}, async finish () {} }
  const create = surface === dialect ? createByteLane : createCanonicalLane
  return create({ opened, target: targetOf(dialect), meter, write, identity: IDENTITY })
}
