import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { waitFor } from './clock.ts'
import type { SimulatorClock } from './clock.ts'
import { frameBytes, NO_CHARGE } from './reply.ts'
import type { Action, Charge, Reply } from './reply.ts'

/** How an answer left: the charge is for what was written before it ended. */
export interface Delivered {
  readonly ending: 'complete' | 'broken off' | 'client gone'
  readonly charge: Charge
}

export interface DeliveryDeps {
  readonly clock: SimulatorClock
  /** Fires when the client goes or the simulator closes. */
  readonly signal: AbortSignal
}

/** Plays a reply on a connection, action by action. */
export async function deliver (reply: Reply, response: ServerResponse, deps: DeliveryDeps): Promise<Delivered> {
  const { clock, signal } = deps
  response.writeHead(reply.status, headersOf(reply))
  const compressed: Buffer[] = []
  let charge = NO_CHARGE
  for (const action of reply.actions) {
    if ('pauseMs' in action) await waitFor(action.pauseMs, clock, signal)
    if (signal.aborted) return { ending: 'client gone', charge }
    const bytes = bytesOf(action, reply)
    if (bytes === undefined) {
      if (await interrupt(action, response, deps)) return { ending: signal.aborted ? 'client gone' : 'broken off', charge }
      continue
    }
    if (reply.style.encoding === 'gzip') compressed.push(bytes)
    else await write(bytes, reply, response, signal)
    if ('charge' in action) charge = action.charge ?? charge
  }
  response.end(compressed.length > 0 ? gzipSync(Buffer.concat(compressed)) : undefined)
  return { ending: 'complete', charge }
}

function headersOf (reply: Reply): Record<string, string> {
  return reply.style.encoding === 'gzip' ? { ...reply.headers, 'content-encoding': 'gzip' } : { ...reply.headers }
}

function bytesOf (action: Action, { style, actions }: Reply): Buffer | undefined {
  if (action.type === 'frame') {
    const bytes = frameBytes(action.frame, style)
    const isOpen = style.lastEvent === 'unterminated' && action === actions.at(-1)
    return isOpen ? bytes.subarray(0, -2 * style.lineEnd.length) : bytes
  }
  if (action.type === 'document') return Buffer.from(JSON.stringify(action.document))
  return action.type === 'bytes' ? action.bytes : undefined
}

async function write (bytes: Buffer, { style }: Reply, response: ServerResponse, signal: AbortSignal): Promise<void> {
  const pieceBytes = style.writes === 'bytes' ? 1 : bytes.length
  for (let start = 0; start < bytes.length && !signal.aborted; start += pieceBytes) {
    if (!response.write(bytes.subarray(start, start + pieceBytes))) await drained(response, signal)
  }
}

async function drained (response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    await once(response, 'drain', { signal })
  } catch (error) {
    // The client is gone: nothing will drain, and the caller looks at the signal.
    if (!signal.aborted) throw error
  }
}

/** Does what an action without bytes says; true when nothing can follow. */
async function interrupt (action: Action, response: ServerResponse, { clock, signal }: DeliveryDeps): Promise<boolean> {
  if (action.type === 'pause') {
    await waitFor(action.durationMs, clock, signal)
    return signal.aborted
  }
  if (action.type === 'head') {
    response.flushHeaders()
    return false
  }
  if (action.type === 'silence') {
    if (!signal.aborted) await once(signal, 'abort')
  } else if (action.type === 'reset') {
    await flushed(response)
    response.socket?.resetAndDestroy()
  } else if (action.type === 'reset-start') {
    response.socket?.resetAndDestroy()
  } else if (action.type === 'cut') {
    response.flushHeaders()
    response.socket?.end('40\r\ndata:{"output":{"ch')
  }
  return true
}

/** A reset throws away what the kernel has not sent, so what was written before gets a turn of the event loop to leave. */
async function flushed (response: ServerResponse): Promise<void> {
  response.flushHeaders()
  await new Promise<void>(resolve => { setImmediate(resolve) })
}
