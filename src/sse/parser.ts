import type { SseEvent } from '../core/sse-event.ts'

const STATUS_COMMENT = /^:HTTP_STATUS\/(\d{3})/
const LINE_END = /\r\n|\n|\r/

interface Fields { readonly type: string, readonly data: string | undefined, readonly status: number | undefined }

/** The event in `raw`. Its fields are read when first asked for: a relay that only looks at the bytes never pays for them. */
export function parseEvent (raw: Buffer): SseEvent {
  return new LazyEvent(raw)
}

class LazyEvent implements SseEvent {
  readonly raw: Buffer
  #fields: Fields | undefined

  constructor (raw: Buffer) {
    this.raw = raw
  }

  get type (): string { return this.#read().type }
  get data (): string | undefined { return this.#read().data }
  get status (): number | undefined { return this.#read().status }

  #read (): Fields {
    this.#fields ??= fieldsOf(this.raw.toString('utf8'))
    return this.#fields
  }
}

/**
 * Fields other than event, data and DashScope's status are skipped, as the standard demands. A byte order mark, which
 * can only stand before the first event of a stream, is no part of a field's name.
 */
function fieldsOf (text: string): Fields {
  let type = ''
  let data: string | undefined
  let status: number | undefined
  for (const line of (text.charCodeAt(0) === 0xfeff ? text.slice(1) : text).split(LINE_END)) {
    if (line.startsWith(':')) {
      const match = STATUS_COMMENT.exec(line)
      if (match !== null) status = Number(match[1])
      continue
    }
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const from = line[colon + 1] === ' ' ? colon + 2 : colon + 1
    const value = colon < 0 ? '' : line.slice(from)
    if (field === 'data') data = data === undefined ? value : `${data}\n${value}`
    else if (field === 'event') type = value.trim()
    else if (field === 'status' && /^\d{3}$/.test(value)) status = Number(value)
  }
  return { type, data, status }
}
