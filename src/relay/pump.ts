import { GatewayError } from '../core/errors.ts'
import { WRITE_STALL_TIMEOUT_MS } from './client-reply.ts'
import { timeLeftMs } from './exchange.ts'
import type { Answer } from './attempt.ts'
import type { BodySink, UpstreamBody } from '../upstream/send.ts'
import type { ClientReply } from './client-reply.ts'
import type { Clock } from '../core/clock.ts'
import type { Exchange } from './exchange.ts'
import type { Lane } from './lane.ts'
import type { Meter } from './meter.ts'
import type { Target } from '../core/catalog.ts'

/** How long an answer nobody listens to is read on to learn its usage: what it cost is known within a second either way. */
const DRAIN_TIMEOUT_MS = 900

/**
 * Moves a stream from the upstream through a lane to the client until one side ends, and resolves when all is written.
 * @throws GatewayError where it failed before the head went out, or the client left; later failures are told in the stream
 */
export async function pump (
  exchange: Exchange, answer: Answer, createLane: (write: (bytes: Buffer) => void) => Lane, { clock, meter }: PumpDeps
): Promise<void> {
  const flow = new Flow(exchange, answer, { clock, meter })
  flow.start(createLane((bytes) => flow.write(bytes)))
  await flow.done
}

export interface PumpDeps {
  readonly clock: Clock
  readonly meter: Pick<Meter, 'pastHold'>
}

class Flow implements BodySink {
  readonly done: Promise<void>
  readonly #exchange: Exchange
  readonly #reply: ClientReply
  readonly #body: UpstreamBody
  readonly #clock: Clock
  readonly #meter: PumpDeps['meter']
  readonly #target: Target
  readonly #settle: { resolve: () => void, reject: (error: GatewayError) => void }
  #lane: Lane | undefined
  #over = false
  #paused = false
  #draining = false
  #lastEventMonotonicMs: number
  readonly #stopTimers = new Map<'idle' | 'total' | 'stall' | 'drain', () => void>()

  constructor (exchange: Exchange, answer: Answer, { clock, meter }: PumpDeps) {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    this.done = promise
    this.#settle = { resolve: () => resolve(undefined), reject }
    this.#exchange = exchange
    this.#reply = exchange.reply
    this.#body = answer.response.body
    this.#target = answer.target
    this.#clock = clock
    this.#meter = meter
    this.#lastEventMonotonicMs = clock.monotonicMs()
  }

  start (lane: Lane): void {
    this.#lane = lane
    const { totalTimeoutMs, idleTimeoutMs } = this.#target.upstream.timeouts
    this.#arm('total', timeLeftMs(this.#exchange, this.#target, this.#clock), () =>
      this.#breakOff(timeout(`The answer took longer than ${totalTimeoutMs} ms.`)))
    this.#arm('idle', idleTimeoutMs, () => this.#onIdle())
    this.#reply.onDrain(() => this.#onDrain())
    if (this.#reply.gone.aborted) this.#onGone()
    else this.#reply.gone.addEventListener('abort', () => this.#onGone(), { once: true })
    this.#body.flow(this)
  }

  write (bytes: Buffer): void {
    if (this.#draining || this.#over || this.#reply.write(bytes) || this.#paused) return
    this.#paused = true
    this.#body.pause()
    this.#arm('stall', WRITE_STALL_TIMEOUT_MS, () => {
      this.#body.abort()
      this.#reply.destroy()
      this.#finish(new GatewayError('client_closed', 'The client stopped reading.'))
    })
  }

  onData (chunk: Buffer): void {
    if (this.#over || this.#lane === undefined) return
    const seenBefore = this.#lane.eventsSeen
    try {
      this.#lane.push(chunk)
      if (this.#meter.pastHold()) this.#cut()
    } catch (caught) {
      this.#fail(GatewayError.from(caught))
    }
    if (this.#lane.eventsSeen !== seenBefore) this.#lastEventMonotonicMs = this.#clock.monotonicMs()
  }

  onEnd (): void {
    if (this.#over) return
    try {
      this.#lane?.end()
    } catch (caught) {
      this.#fail(GatewayError.from(caught))
      return
    }
    if (this.#draining) return this.#finish(clientLeft())
    if (this.#reply.headSent) this.#reply.end()
    this.#finish(undefined)
  }

  onError (error: GatewayError): void {
    this.#breakOff(error)
  }

  /** The upstream went on past what is held for the answer: whatever comes now, nobody has set aside the tokens for it. */
  #cut (): void {
    this.#body.abort()
    if (this.#lane?.endWhole() === true) return this.#endWhole()
    this.#exchange.cut = true
    if (this.#draining) return this.#finish(clientLeft())
    this.#lane?.cut()
    if (this.#reply.headSent) this.#reply.end()
    this.#finish(undefined)
  }

  #onDrain (): void {
    if (!this.#paused) return
    this.#paused = false
    this.#stop('stall')
    // The silence while nothing could be written was ours.
    this.#lastEventMonotonicMs = this.#clock.monotonicMs()
    this.#body.resume()
  }

  /** Re-armed when it fires rather than at every event: a timer for each chunk would cost more than the chunk. */
  #onIdle (): void {
    const { idleTimeoutMs } = this.#target.upstream.timeouts
    const idleMs = this.#paused ? 0 : this.#clock.monotonicMs() - this.#lastEventMonotonicMs
    if (idleMs >= idleTimeoutMs) this.#breakOff(timeout(`The upstream was silent for ${idleTimeoutMs} ms.`))
    else this.#arm('idle', idleTimeoutMs - idleMs, () => this.#onIdle())
  }

  #onGone (): void {
    if (this.#over) return
    // Of an answer that has ended nothing is to come but its usage, which costs nothing to wait for.
    if (this.#exchange.catalog.policies.clientAbort === 'cancel' && this.#lane?.ended !== true) {
      this.#body.abort()
      this.#finish(clientLeft())
      return
    }
    this.#draining = true
    this.#stop('stall')
    if (this.#paused) this.#body.resume()
    this.#arm('drain', DRAIN_TIMEOUT_MS, () => {
      this.#body.abort()
      this.#finish(clientLeft())
    })
  }

  /** The upstream's side has ended badly. That is no failure of an answer which has come whole. */
  #breakOff (error: GatewayError): void {
    if (this.#over) return
    try {
      if (this.#lane?.endWhole() !== true) return this.#fail(error)
    } catch (caught) {
      return this.#fail(GatewayError.from(caught))
    }
    this.#body.abort()
    this.#endWhole()
  }

  #endWhole (): void {
    if (this.#draining) return this.#finish(clientLeft())
    if (this.#reply.headSent) this.#reply.end()
    this.#finish(undefined)
  }

  /** Told as an HTTP error while the head is still ours, and inside the stream after it; never by a success marker. */
  #fail (error: GatewayError): void {
    if (this.#over) return
    this.#body.abort()
    if (this.#draining) return this.#finish(clientLeft())
    if (!this.#reply.headSent) return this.#finish(error)
    const bytes = this.#lane?.errorBytes(error)
    if (bytes !== undefined) this.#reply.write(bytes)
    this.#reply.end()
    this.#exchange.error = error
    this.#finish(undefined)
  }

  #finish (error: GatewayError | undefined): void {
    if (this.#over) return
    this.#over = true
    for (const stop of this.#stopTimers.values()) stop()
    if (error === undefined) this.#settle.resolve()
    else this.#settle.reject(error)
  }

  #arm (name: 'idle' | 'total' | 'stall' | 'drain', delayMs: number, action: () => void): void {
    this.#stop(name)
    this.#stopTimers.set(name, this.#clock.setTimer(delayMs, action))
  }

  #stop (name: 'idle' | 'total' | 'stall' | 'drain'): void {
    this.#stopTimers.get(name)?.()
    this.#stopTimers.delete(name)
  }
}

function timeout (message: string): GatewayError {
  return new GatewayError('upstream_timeout', message)
}

function clientLeft (): GatewayError {
  return new GatewayError('client_closed', 'The client closed the connection.')
}
