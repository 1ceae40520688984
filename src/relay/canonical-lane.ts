import { GatewayError } from '../core/errors.ts'
import { EVENT_BYTES_MAX } from './lane.ts'
import { Splitter } from '../sse/splitter.ts'
import { createTally } from './tally.ts'
import { outputTextOf } from '../core/event.ts'
import { parseEvent } from '../sse/parser.ts'
import type { ChatEvent } from '../core/event.ts'
import type { Lane, LaneOptions } from './lane.ts'

/** Different protocols: the upstream's events become canonical ones, and those the client's. */
export function createCanonicalLane (options: LaneOptions): Lane {
  const encoder = options.opened.createEncoder(options.identity)
  return createDecodingLane(options, {
    emit (event) {
      const bytes = encoder.encode(event)
      if (bytes !== undefined) options.write(bytes)
    },
    errorBytes: (error) => encoder.encode({ type: 'response-error', error })
  })
}

export interface CollectingOptions extends Pick<LaneOptions, 'target' | 'meter'> {
  readonly events: ChatEvent[]
  readonly bytesMax: number
}

/** For an answer that is wanted in one piece: the events are kept and nothing is written. */
export function createCollectingLane (options: CollectingOptions): Lane {
  const { events, bytesMax } = options
  const lane = createDecodingLane(options, { emit: (event) => events.push(event), errorBytes: () => undefined })
  let bytes = 0
  const push = (chunk: Buffer): void => {
    bytes += chunk.length
    if (bytes > bytesMax) throw new GatewayError('upstream_protocol', `The upstream's answer is longer than ${bytesMax} bytes.`)
    lane.push(chunk)
  }
  return { ...lane, push, get ended () { return lane.ended }, get eventsSeen () { return lane.eventsSeen } }
}

interface Emitter { readonly emit: (event: ChatEvent) => void, readonly errorBytes: Lane['errorBytes'] }

function createDecodingLane ({ target, meter }: Pick<LaneOptions, 'target' | 'meter'>, { emit, errorBytes }: Emitter): Lane {
  const decoder = target.upstream.protocol.dialect.createDecoder(target)
  const splitter = new Splitter(EVENT_BYTES_MAX)
  const tally = createTally()
  const openChoices = new Set<number>()
  let hasEnded = false
  let eventsSeen = 0
  meter.watch(tally)

  function onEvents (events: readonly ChatEvent[]): void {
    for (const event of events) {
      if (event.type === 'response-error') throw event.error
      tally.add(event)
      eventsSeen++
      if (outputTextOf(event) !== '') meter.contentSeen()
      if (event.type === 'choice-end') {
        openChoices.delete(event.choice)
        hasEnded = true
      } else if ('choice' in event) openChoices.add(event.choice)
      emit(event)
    }
  }

  return {
    push (chunk) { splitter.push(chunk, (raw) => onEvents(decoder.decode(parseEvent(raw)))) },
    end () {
      const rest = splitter.rest()
      if (rest.length > 0) onEvents(decoder.decode(parseEvent(rest)))
      onEvents(decoder.end())
    },
    endWhole () {
      const events = splitter.rest().length > 0 ? [] : decoder.end()
      if (events.at(-1)?.type !== 'response-end') return false
      onEvents(events)
      return true
    },
    cut () {
      onEvents([...openChoices].map((choice): ChatEvent => ({ type: 'choice-end', choice, reason: 'length' })))
      onEvents([{ type: 'response-end' }])
    },
    errorBytes,
    get ended () { return hasEnded && openChoices.size === 0 },
    get eventsSeen () { return eventsSeen }
  }
}
