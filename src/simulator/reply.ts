import type { JsonObject } from './wire-json.ts'

/** Tokens the service charges for. */
export interface Charge { readonly inputTokens: number, readonly outputTokens: number }

/** One server-sent event, not yet bytes. */
export interface Frame {
  readonly id?: number
  readonly event?: string
  readonly comment?: string
  /** An object is written as JSON, a text as it is. */
  readonly data: JsonObject | string
}

/** What happens next on the connection. */
export type Action =
  | { readonly type: 'frame', readonly frame: Frame, readonly pauseMs: number, readonly charge: Charge }
  /** A whole JSON body. */
  | { readonly type: 'document', readonly document: JsonObject, readonly pauseMs: number, readonly charge: Charge }
  | { readonly type: 'bytes', readonly bytes: Buffer, readonly charge?: Charge }
  /** Sends status and headers ahead of any body. */
  | { readonly type: 'head' }
  | { readonly type: 'pause', readonly durationMs: number }
  /** Nothing more, on an open connection, until the client goes. */
  | { readonly type: 'silence' }
  /** TCP reset, of what was written before: where that is nothing, of status and headers. */
  | { readonly type: 'reset' }
  /** TCP reset in place of an answer. */
  | { readonly type: 'reset-start' }
  /** Orderly end of the connection in the middle of an HTTP chunk. */
  | { readonly type: 'cut' }

/** How events are written down. */
export interface Style {
  /** The space behind `data:`. */
  readonly space: '' | ' '
  readonly lineEnd: '\n' | '\r\n'
  readonly dataLines: 'one' | 'several'
  /** Every byte in a write of its own, so that characters and line ends are split wherever they can be. */
  readonly writes: 'whole' | 'bytes'
  readonly encoding: 'identity' | 'gzip'
  /** Whether the blank line stands behind the last event too. */
  readonly lastEvent: 'terminated' | 'unterminated'
}

/** An answer in full, as data: faults change it before it is sent. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly actions: readonly Action[]
  readonly style: Style
}

export const NO_CHARGE: Charge = { inputTokens: 0, outputTokens: 0 }

export const NATIVE_STYLE: Style = { space: '', lineEnd: '\n', dataLines: 'one', writes: 'whole', encoding: 'identity', lastEvent: 'terminated' }
export const COMPATIBLE_STYLE: Style = { ...NATIVE_STYLE, space: ' ' }

export const EVENT_STREAM = { 'content-type': 'text/event-stream;charset=UTF-8' }
export const JSON_BODY = { 'content-type': 'application/json' }

/** The bytes of an event: `id`, `event`, comment and `data` in the order DashScope sends them. */
export function frameBytes (frame: Frame, style: Style): Buffer {
  const lines: string[] = []
  if (frame.id !== undefined) lines.push(`id:${frame.id}`)
  if (frame.event !== undefined) lines.push(`event:${frame.event}`)
  if (frame.comment !== undefined) lines.push(`:${frame.comment}`)
  for (const line of dataLines(frame.data, style)) lines.push(`data:${style.space}${line}`)
  return Buffer.from(lines.join(style.lineEnd) + style.lineEnd + style.lineEnd)
}

function dataLines (data: JsonObject | string, style: Style): readonly string[] {
  if (typeof data === 'string') return [data]
  return style.dataLines === 'one' ? [JSON.stringify(data)] : JSON.stringify(data, null, 1).split('\n')
}
