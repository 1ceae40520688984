import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'

const PROBE_INTERVAL_MS = 200
/** Long enough for the reset that answers a probe to come back over the slowest line. */
const PROBES_MAX = 20

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
    probes++
    sayNothing(oldest)
    clock.setTimer(PROBE_INTERVAL_MS, probe)
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
