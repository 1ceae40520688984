import { documentOf, finishes, mapChoices, messageOf, numberAt, withMessage } from './fault.ts'
import type { Fault } from './fault.ts'
import type { Action, Reply } from '../reply.ts'

const COMMENT = Buffer.from(':keepalive\n\n')
const NOTHINGS: Action = { type: 'bytes', bytes: Buffer.from('event: ping\n\nretry: 1000\n\nid: 1\n\n: comment\n\ndata:\n\n') }
const COMMENTS = 1_000
const COMMENTS_MAX = 1_000_000
const GIANT_BYTES = 1_048_576
const GIANT_BYTES_MAX = 64 * 1_048_576
const DRIP_INTERVAL_MS = 1_000
const DELAY_MS = 1_000

/** Faults in the flow and the bytes of a stream that says what it should. */
export const streamFaults: Readonly<Record<string, Fault>> = {
  /** `delay=MS`: that long before the first byte. */
  delay: (reply, { values }) => ({ ...reply, actions: [pause(numberAt(values, 0, DELAY_MS)), ...reply.actions] }),
  /** `hiccup=MS:FRAMES`: a pause in the middle. */
  hiccup: (reply, { values }) => insertedAt(reply, numberAt(values, 1, 2), [pause(numberAt(values, 0, DELAY_MS))]),
  /** `comments=NUMBER`: a flood of comment lines behind the first event. */
  comments: (reply, { values }) => {
    const length = bounded(numberAt(values, 0, COMMENTS), COMMENTS_MAX)
    return insertedAt(reply, 1, Array.from({ length }, comment))
  },
  /** `drip=MS:NUMBER`: behind two events only comments come, one each interval, then silence. */
  drip: (reply, { values }) => {
    const intervalMs = numberAt(values, 0, DRIP_INTERVAL_MS)
    const length = bounded(numberAt(values, 1, COMMENTS), COMMENTS_MAX)
    const drops = Array.from({ length }, () => [pause(intervalMs), comment()]).flat()
    return { ...reply, actions: [...reply.actions.slice(0, 2), ...drops, { type: 'silence' }] }
  },
  /** `malformed=FRAMES`: behind so many events comes one whose JSON breaks off. */
  malformed: (reply, { values }) => {
    const place = Math.min(numberAt(values, 0, 2), reply.actions.length - 1)
    return { ...reply, actions: reply.actions.map((action, index) => index === place ? brokenOff(action) : action) }
  },
  /** `giant=BYTES`: so many more letters in the first event that has content. They are not counted as tokens. */
  giant: (reply, { values }) => {
    const letters = 'x'.repeat(bounded(numberAt(values, 0, GIANT_BYTES), GIANT_BYTES_MAX))
    const place = reply.actions.findIndex(hasContent)
    return { ...reply, actions: reply.actions.map((action, index) => index === place ? grown(action, letters) : action) }
  },
  /** CRLF line ends. */
  crlf: reply => ({ ...reply, style: { ...reply.style, lineEnd: '\r\n' } }),
  /** Every byte in an HTTP chunk of its own. */
  bytewise: reply => ({ ...reply, style: { ...reply.style, writes: 'bytes' } }),
  /** JSON laid out over several `data:` lines. */
  multiline: reply => ({ ...reply, style: { ...reply.style, dataLines: 'several' } }),
  /** Compressed although nobody asked. */
  gzip: reply => ({ ...reply, style: { ...reply.style, encoding: 'gzip' } }),
  /** Fields and empty events among the answer's, which say nothing, and an `id` for every event. */
  fields: reply => ({ ...reply, actions: reply.actions.flatMap((action, index) => [NOTHINGS, numbered(action, index + 1)]) }),
  /** A byte order mark before everything. */
  bom: reply => ({ ...reply, actions: [{ type: 'bytes', bytes: Buffer.from('\ufeff') }, ...reply.actions] }),
  /** A stream labelled as JSON. */
  mislabelled: reply => ({ ...reply, headers: { ...reply.headers, 'content-type': 'application/json' } }),
  /** The last event without the blank line behind it. */
  unterminated: reply => ({ ...reply, style: { ...reply.style, lastEvent: 'unterminated' } })
}

function pause (durationMs: number): Action {
  return { type: 'pause', durationMs }
}

function numbered (action: Action, id: number): Action {
  return action.type === 'frame' ? { ...action, frame: { id, ...action.frame } } : action
}

function comment (): Action {
  return { type: 'bytes', bytes: COMMENT }
}

function insertedAt (reply: Reply, place: number, actions: readonly Action[]): Reply {
  return { ...reply, actions: [...reply.actions.slice(0, place), ...actions, ...reply.actions.slice(place)] }
}

function bounded (value: number, most: number): number {
  if (value < 0 || value > most) throw new RangeError(`simulator: a fault takes from 0 to ${most}, not ${value}`)
  return Math.floor(value)
}

function brokenOff (action: Action): Action {
  const document = documentOf(action)
  if (document === undefined) return action
  const half = JSON.stringify(document).slice(0, 40)
  return action.type === 'frame' ? { ...action, frame: { ...action.frame, data: half } } : { type: 'bytes', bytes: Buffer.from(half) }
}

function hasContent (action: Action): boolean {
  const document = documentOf(action)
  return document !== undefined && grownDocument(document, 'x') !== undefined && !finishes(action)
}

function grown (action: Action, letters: string): Action {
  const document = documentOf(action)
  const data = document === undefined ? undefined : grownDocument(document, letters)
  if (data === undefined) return action
  if (action.type === 'frame') return { ...action, frame: { ...action.frame, data } }
  return action.type === 'document' ? { ...action, document: data } : action
}

/** Undefined where there is no content to grow. */
function grownDocument (document: Record<string, unknown>, letters: string): Record<string, unknown> | undefined {
  let grew = false
  const changed = mapChoices(document, choice => {
    const message = messageOf(choice)
    if (typeof message.content !== 'string' || message.content === '') return choice
    grew = true
    return withMessage(choice, { ...message, content: message.content + letters })
  })
  return grew ? changed : undefined
}
