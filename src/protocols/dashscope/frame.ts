import type { WireAnswer, WireError } from './wire.ts'

/**
 * One frame of a stream, to be written at once: the Node SDK reads each network chunk as one frame that starts with `id:`.
 * No space follows a colon, because SDKs compare `event:error` to the letter.
 */
export function resultFrame (id: number, answer: WireAnswer): string {
  return `id:${id}\nevent:result\n:HTTP_STATUS/200\ndata:${JSON.stringify(answer)}\n\n`
}

/** The status stands twice: qwen-code reads the comment, the Python SDK the field. */
export function errorFrame (id: number, status: number, error: WireError): string {
  return `id:${id}\nevent:error\n:HTTP_STATUS/${status}\nstatus:${status}\ndata:${JSON.stringify(error)}\n\n`
}

export const KEEP_ALIVE = ':keepalive\n\n'
