import type { Dispatcher } from 'undici'
import type { IncomingHttpHeaders } from 'node:http'
import { GatewayError } from '../core/errors.ts'
import { transportError } from './failures.ts'
import type { Clock } from '../core/clock.ts'
import type { HeaderValues, UpstreamCall } from '../core/protocol.ts'
import type { Upstream } from '../core/catalog.ts'
import type { Pools } from './pools.ts'

/** Receives the bytes of an answer: any number of chunks, then exactly one end or error. */
export interface BodySink {
  onData (chunk: Buffer): void
  onEnd (): void
  onError (error: GatewayError): void
}

/** An answer's body. Nothing flows before `flow`, so no chunk can come too early. */
export interface UpstreamBody {
  flow (sink: BodySink): void
  pause (): void
  resume (): void
  /** Cancels the exchange at once; the sink hears nothing more. */
  abort (): void
}

export interface UpstreamResponse {
  readonly status: number
  readonly headers: HeaderValues
  readonly body: UpstreamBody
}

export interface SendWatch {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /** How long the head may take. */
  readonly headTimeoutMs: number
  /** Called when the connection stands and the request goes out on it: from here on the upstream may bill it. */
  onSent (): void
}

/** One try against one upstream with one key. @throws GatewayError for every failure before the response head */
export type Send = (upstream: Upstream, call: UpstreamCall, watch: SendWatch) => Promise<UpstreamResponse>

export function createSend (pools: Pools, clock: Clock): Send {
  return async (upstream, call, { signal, headTimeoutMs, onSent }) => {
    if (signal.aborted) throw clientClosed()
    const { pool, basePath } = pools.routeTo(upstream)
    const exchange = new UpstreamExchange(onSent)
    const stopTimer = clock.setTimer(headTimeoutMs, () =>
      exchange.fail(new GatewayError('upstream_timeout', `The upstream did not begin to answer within ${Math.round(headTimeoutMs)} ms.`)))
    const onAbort = (): void => exchange.fail(clientClosed())
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      pool.dispatch({
        method: 'POST',
        path: basePath + call.path,
        headers: { ...call.headers, 'accept-encoding': 'identity', 'content-length': String(call.body.length) },
        body: call.body
      }, exchange)
      return await exchange.head
    } finally {
      stopTimer()
      signal.removeEventListener('abort', onAbort)
    }
  }
}

function clientClosed (): GatewayError {
  return new GatewayError('client_closed', 'The client closed the connection.')
}

/**
 * undici's handler for one request. Every callback is guarded: an exception thrown out of one would leave the parser in
 * the middle of a message and the process spinning.
 */
class UpstreamExchange implements Dispatcher.DispatchHandler, UpstreamBody {
  readonly head: Promise<UpstreamResponse>
  #settleHead: { resolve: (response: UpstreamResponse) => void, reject: (error: GatewayError) => void }
  #controller: Dispatcher.DispatchController | undefined
  #sink: BodySink | undefined
  /** Set once nobody may be told anything any more: ended, failed or aborted. */
  #over = false
  #failure: GatewayError | undefined
  #endedBeforeFlow = false

  readonly #onSent: () => void

  constructor (onSent: () => void) {
    this.#onSent = onSent
    const { promise, resolve, reject } = Promise.withResolvers<UpstreamResponse>()
    this.head = promise
    this.#settleHead = { resolve, reject }
  }

  flow (sink: BodySink): void {
    this.#sink = sink
    if (this.#failure !== undefined) sink.onError(this.#failure)
    else if (this.#endedBeforeFlow) sink.onEnd()
    else this.#controller?.resume()
  }

  pause (): void { this.#controller?.pause() }
  resume (): void { this.#controller?.resume() }

  abort (): void {
    this.#over = true
    this.#controller?.abort(clientClosed())
  }

  /** Ends the exchange with `error`, told to whoever is waiting: the head's awaiter, or the sink. */
  fail (error: GatewayError): void {
    if (this.#over) return
    this.#over = true
    this.#failure = error
    this.#settleHead.reject(error)
    this.#controller?.abort(error)
    this.#sink?.onError(error)
  }

  onRequestStart (controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#over) controller.abort(this.#failure ?? clientClosed())
    else this.#onSent()
  }

  onResponseStart (controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return
    // The sink is attached some microtasks later; until then no chunk may arrive.
    controller.pause()
    this.#settleHead.resolve({ status, headers: singleValued(headers), body: this })
  }

  onResponseData (_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    try {
      this.#sink?.onData(chunk)
    } catch (cause) {
      this.fail(GatewayError.from(cause))
    }
  }

  onResponseEnd (): void {
    if (this.#over) return
    this.#over = true
    this.#endedBeforeFlow = this.#sink === undefined
    try {
      this.#sink?.onEnd()
    } catch (cause) {
      this.#sink?.onError(GatewayError.from(cause))
    }
  }

  onResponseError (_controller: Dispatcher.DispatchController, cause: Error): void {
    this.fail(transportError(cause))
  }
}

function singleValued (headers: IncomingHttpHeaders): HeaderValues {
  const values: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(headers)) values[name] = Array.isArray(value) ? value.join(', ') : value
  return values
}
