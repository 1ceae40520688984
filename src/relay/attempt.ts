import { ERROR_KINDS, GatewayError, isSilence } from '../core/errors.ts'
import { readBody } from './read-body.ts'
import { admitAgain } from './admit.ts'
import { shownId } from './upstream-id.ts'
import { candidatesFor } from '../upstream/select.ts'
import { beginTry, endTry, timeLeftMs } from './exchange.ts'
import type { AdmitDeps } from './admit.ts'
import type { Candidate } from '../upstream/select.ts'
import type { ClientCall, HeaderValues, OpenedCall, UpstreamCall } from '../core/protocol.ts'
import type { Clock } from '../core/clock.ts'
import type { Exchange } from './exchange.ts'
import type { Keyring } from '../upstream/keyring.ts'
import type { Meter } from './meter.ts'
import type { Send, UpstreamResponse } from '../upstream/send.ts'
import type { Model, Target } from '../core/catalog.ts'

export interface AttemptDeps extends AdmitDeps {
  readonly clock: Clock
  readonly random: () => number
  readonly send: Send
  readonly keyring: Pick<Keyring, 'keysOf' | 'begin'>
}

/** An upstream has said 2xx. `lane` tells how its bytes become the client's. */
export interface Answer {
  readonly response: UpstreamResponse
  readonly target: Target
  readonly lane: 'bytes' | 'canonical'
  /** To be called when nothing more is read of it. */
  readonly end: () => void
}

export interface CheckedRequest { readonly call: ClientCall, readonly opened: OpenedCall, readonly meter: Pick<Meter, 'supersede'> }

const ERROR_BODY_BYTES_MAX = 65_536

/** Tries the model's targets in turn until one answers. Nothing has been written to the client yet. @throws GatewayError */
export async function attempt (exchange: Exchange, request: CheckedRequest, deps: AttemptDeps): Promise<Answer> {
  if (exchange.model === undefined) throw new TypeError('a model must be resolved before an attempt')
  const candidates = candidatesFor(exchange.model, deps.keyring, deps.random)
  let failure = noUpstream(exchange.model)
  for (const [index, candidate] of candidates.entries()) {
    try {
      return await tryCandidate(exchange, candidate, { request, deps })
    } catch (caught) {
      failure = GatewayError.from(caught)
      endTry(exchange, failure, deps.clock)
      if (!mayHelp(failure) || index === candidates.length - 1) throw failure
      if (!await mayGoOn(exchange, failure, { request, deps })) throw failure
    }
  }
  throw failure
}

function noUpstream ({ targets }: Model): GatewayError {
  return new GatewayError('no_upstream', targets.length === 0
    ? 'No upstream is configured for this model.'
    : 'No upstream of this model takes requests at the moment: all of them, or all of their keys, are drained.')
}

/** Whether another key or target may do better. What an upstream refuses its caller, another may have been granted. */
function mayHelp ({ kind, upstream }: GatewayError): boolean {
  return ERROR_KINDS[kind].retryable || (upstream !== undefined && (kind === 'permission_denied' || kind === 'model_not_found'))
}

interface Trying { readonly request: CheckedRequest, readonly deps: AttemptDeps }

/** A try of which no word came back may have been billed: it is settled by itself, and the next is held for anew. */
async function mayGoOn (exchange: Exchange, failure: GatewayError, { request, deps }: Trying): Promise<boolean> {
  if (!exchange.sent || !isSilence(failure)) return true
  await request.meter.supersede(failure)
  return await admitAgain(exchange, request.opened.envelope, deps)
}

async function tryCandidate (exchange: Exchange, { target, key }: Candidate, { request, deps }: Trying): Promise<Answer> {
  const end = deps.keyring.begin(target.upstream.name, key.id)
  try {
    return { ...await answerOf(exchange, { target, key }, { request, deps }), end }
  } catch (caught) {
    end()
    throw caught
  }
}

async function answerOf (exchange: Exchange, { target, key }: Candidate, { request, deps }: Trying): Promise<Omit<Answer, 'end'>> {
  const { call, opened } = request
  const { dialect } = target.upstream.protocol
  const adjustments = { outputTokensMax: exchange.outputTokensMax }
  const sameProtocol = exchange.surface === target.upstream.protocol
  const relayed = sameProtocol ? dialect.relayRequest(call, opened, target, adjustments) : undefined
  const upstreamCall = relayed ?? dialect.renderRequest(requestOf(exchange, opened), target)
  exchange.target = target
  exchange.attempts++
  exchange.sent = false
  exchange.upstreamRequestId = undefined
  const begun = beginTry(exchange, target, deps.clock)
  const response = await deps.send(target.upstream, authorized(upstreamCall, dialect.authorize(key)), {
    signal: exchange.reply.gone,
    headTimeoutMs: headTimeoutMs(upstreamCall, target, timeLeftMs(exchange, target, deps.clock)),
    onSent () { exchange.sent = true }
  })
  begun.status = response.status
  begun.upstreamRequestId = exchange.upstreamRequestId = shownId(response.headers['x-request-id'])
  if (response.status >= 200 && response.status < 300) {
    tellIgnored(exchange, upstreamCall.ignoredParameters)
    return { response, target, lane: relayed === undefined ? 'canonical' : 'bytes' }
  }
  throw await errorOf(response, { target, clock: deps.clock, signal: exchange.reply.gone })
}

/** A stream begins soon or not at all; an answer in one piece begins when all of it has been written. */
function headTimeoutMs (call: UpstreamCall, target: Target, leftMs: number): number {
  return call.stream ? Math.min(leftMs, target.upstream.timeouts.firstByteTimeoutMs) : leftMs
}

function requestOf (exchange: Exchange, opened: OpenedCall): ReturnType<OpenedCall['parseRequest']> {
  const request = opened.parseRequest()
  return exchange.outputTokensMax === undefined ? request : { ...request, outputTokensMax: exchange.outputTokensMax }
}

/** Nothing is left out in silence: what this upstream has no word for is named to the client. */
function tellIgnored ({ reply }: Exchange, names: readonly string[]): void {
  if (names.length > 0) reply.setHeader('x-dashgate-ignored-parameters', names.join(','))
}

/** What the call says for itself, such as a client's workspace, goes before what its key would say. */
function authorized (call: UpstreamCall, credentials: HeaderValues): UpstreamCall {
  const headers: Record<string, string> = {}
  // Names in one case: two spellings of one header would be sent as two headers.
  for (const [name, value] of [...Object.entries(credentials), ...Object.entries(call.headers)]) {
    if (value !== undefined) headers[name.toLowerCase()] = value
  }
  return { ...call, headers }
}

interface Reading { readonly target: Target, readonly clock: Clock, readonly signal: AbortSignal }

async function errorOf (response: UpstreamResponse, { target, clock, signal }: Reading): Promise<GatewayError> {
  if (response.status >= 300 && response.status < 400) {
    response.body.abort()
    return new GatewayError('upstream_protocol', 'The upstream answered with a redirect, which is not followed.')
  }
  const timeoutMs = target.upstream.timeouts.idleTimeoutMs
  const body = await readBody(response.body, { bytesMax: ERROR_BODY_BYTES_MAX, timeoutMs, clock, signal }).catch(withoutWords)
  return target.upstream.protocol.dialect.parseError({ status: response.status, headers: response.headers, body })
}

/** The status says enough where its words cannot be read, unless nobody is left to hear it. */
function withoutWords (caught: unknown): Buffer {
  const error = GatewayError.from(caught)
  if (error.kind === 'client_closed' || error.kind === 'internal') throw error
  return Buffer.alloc(0)
}
