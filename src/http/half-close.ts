import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'

/** Each wait is twice the one before: a near client is missed within this, one behind a slow line after some seconds. */
const FIRST_PROBE_INTERVAL_MS = 50
const PROBES_MAX = 8

/**
 * A client that has closed its half still wants its answer, and one that is gone altogether looks just the same until it
 * is written to. So it is: with `100 Continue` before the answer and with a comment inside a stream, both of which every
 * client skips. Where nobody reads any more a reset comes back, and the next write learns of it.
 */
export function probeHalfClosed (socket: Socket, open: ReadonlySet<ServerResponse>, clock: Clock): void {
  let probes = 0
  function probe (): void {
    const [oldest] = open
    if (oldest === undefined || socket.destroyed || probes === PROBES_MAX) return
    sayNothing(oldest)
    clock.setTimer(FIRST_PROBE_INTERVAL_MS * 2 ** probes, probe)
    probes++
  }
  probe()
}

function sayNothing (response: ServerResponse): void {
  if (response.writableEnded || response.writableNeedDrain) return
  if (!response.headersSent) {
    if (response.req.httpVersion === '1.1') response.writeContinue()
  } else if (String(response.getHeader('content-type')).startsWith('text/event-stream')) {
    // No blank line: it would end an event, and some clients take an empty one for broken.
    response.write(':\n')
  }
}
