import { EVENT_BYTES_MAX } from './lane.ts'
import { Splitter } from '../sse/splitter.ts'
import { parseEvent } from '../sse/parser.ts'
import { truncatedStream } from '../core/errors.ts'
import { pastHold } from './lane.ts'
import type { ChatEvent } from '../core/event.ts'
import type { Lane, LaneOptions } from './lane.ts'
import type { Usage } from '../core/usage.ts'

const DATA = Buffer.from('data:')
const EVENT_END = Buffer.from('\n\n')
/** The splitter waited for the LF of a CRLF behind this blank line; the end of the stream says that there is none. */
const BLANK_LINE_OF_CR = /[\r\n]\r$/

/** Same protocol on both sides: every event goes out as the bytes it came in, unless the observer says otherwise. */
export function createByteLane ({ opened, target, meter, write, identity }: LaneOptions): Lane {
  const { usageWanted, cumulative } = opened.envelope
  const observer = target.upstream.protocol.dialect.createObserver({ usage: usageWanted, cumulative })
  const splitter = new Splitter(EVENT_BYTES_MAX)
  let eventsSeen = 0
  meter.watch(observer)

  function onEvent (raw: Buffer): void {
    const verdict = observer.observe(parseEvent(raw))
    if (raw.includes(DATA)) eventsSeen++
    if (observer.contentSeen) meter.contentSeen()
    switch (verdict.action) {
      case 'relay': write(raw); break
      case 'replace': write(verdict.bytes); break
      case 'fail': throw verdict.error
      case 'withhold': break
    }
  }

  return {
    push (chunk) { splitter.push(chunk, onEvent) },
    end () {
      const rest = splitter.rest()
      if (rest.length > 0) {
        onEvent(rest)
        // Some readers drop an event that no blank line ends.
        if (!BLANK_LINE_OF_CR.test(rest.toString('latin1', rest.length - 2))) write(EVENT_END)
      }
      if (!observer.complete) throw truncatedStream()
    },
    endWhole: () => observer.complete && splitter.rest().length === 0,
    cut () {
      if (opened.envelope.choices > 1) throw pastHold()
      const encoder = opened.createEncoder(identity)
      // The client has this text; where its protocol repeats all of it in the last event, the encoder has to know it.
      encoder.encode({ type: 'text-delta', choice: 0, text: observer.repeatedText() })
      for (const event of cutShort(observer.usage())) {
        const bytes = encoder.encode(event)
        if (bytes !== undefined) write(bytes)
      }
    },
    errorBytes: (error) => opened.createEncoder(identity).encode({ type: 'response-error', error }),
    get ended () { return observer.complete },
    get eventsSeen () { return eventsSeen }
  }
}

/** What ends a lone choice that is not to go on: with the usage so far, which some protocols have in every event. */
function cutShort (usage: Usage | undefined): ChatEvent[] {
  const ending: ChatEvent[] = [{ type: 'choice-end', choice: 0, reason: 'length' }]
  if (usage !== undefined) ending.push({ type: 'usage', usage })
  return [...ending, { type: 'response-end' }]
}
