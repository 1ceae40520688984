import type { SseEvent } from '../../src/core/sse-event.ts'
import { parseEvent } from '../../src/sse/parser.ts'
import { Splitter } from '../../src/sse/splitter.ts'

const EVENT_BYTES_MAX = 16 * 1024 * 1024

/** A whole stream's text as events; what follows the last blank line is no event. */
export function eventsOf (text: string | Buffer): SseEvent[] {
  const events: SseEvent[] = []
  new Splitter(EVENT_BYTES_MAX).push(Buffer.from(text), (raw) => events.push(parseEvent(raw)))
  return events
}
