import { GatewayError } from '../core/errors.ts'
import { createByteLane } from './byte-lane.ts'
import { createCanonicalLane, createCollectingLane } from './canonical-lane.ts'
import { pump } from './pump.ts'
import { timeLeftMs } from './exchange.ts'
import { tallyOf } from './tally.ts'
import { readBody } from './read-body.ts'
import type { Answer } from './attempt.ts'
import type { UpstreamResponse } from '../upstream/send.ts'
import type { ChatEvent } from '../core/event.ts'
import type { Clock } from '../core/clock.ts'
import type { Exchange } from './exchange.ts'
import type { Meter } from './meter.ts'
import type { OpenedCall, ReplyIdentity } from '../core/protocol.ts'

export interface Responding {
  readonly opened: OpenedCall
  readonly answer: Answer
  readonly meter: Meter
}

/** A whole answer of 128k tokens with log probabilities stays well below this. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

/** Brings an upstream's answer to the client, in the client's protocol and shape. */
export async function respond (exchange: Exchange, responding: Responding, deps: { readonly clock: Clock }): Promise<void> {
  const { answer, opened, meter } = responding
  refuseEncoding(answer.response)
  meter.answered()
  exchange.reply.setHeader('x-dashgate-upstream', answer.target.upstream.name)
  exchange.reply.setHeader('x-dashgate-model', exchange.model?.name ?? '')
  const isStream = answer.response.headers['content-type']?.includes('text/event-stream') ?? false
  if (!isStream) return await respondWhole(exchange, responding, deps)
  if (!opened.envelope.stream) return await respondCollected(exchange, responding, deps)
  const createLane = answer.lane === 'bytes' ? createByteLane : createCanonicalLane
  const { target } = answer
  const identity = identityOf(exchange)
  await pump(exchange, answer, (write) => createLane({ opened, target, meter, write, identity }), { ...deps, meter })
}

/** We ask for plain bytes; an upstream that compresses all the same would make the relay blind. */
function refuseEncoding (response: UpstreamResponse): void {
  const encoding = response.headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') return
  response.body.abort()
  throw new GatewayError('upstream_protocol', 'The upstream sent an encoding it was not asked for.')
}

async function respondWhole (exchange: Exchange, responding: Responding, { clock }: { clock: Clock }): Promise<void> {
  const { opened, answer, meter } = responding
  const { dialect } = answer.target.upstream.protocol
  const timeoutMs = timeLeftMs(exchange, answer.target, clock)
  const body = await readBody(answer.response.body, { bytesMax: ANSWER_BYTES_MAX, timeoutMs, clock, signal: exchange.reply.gone })
  if (answer.lane === 'bytes' && !opened.envelope.stream) {
    meter.watch(dialect.observeResponse(body))
    exchange.reply.send(200, 'application/json; charset=utf-8', body)
    return
  }
  const events = dialect.parseResponse(body)
  meter.watch(tallyOf(events))
  refuseError(events)
  replyWith(exchange, opened, events)
}

/** A model that only streams answers a client that wants one piece: the events are gathered and rendered at once. */
async function respondCollected (exchange: Exchange, responding: Responding, deps: { clock: Clock }): Promise<void> {
  const { opened, answer, meter } = responding
  const events: ChatEvent[] = []
  const { target } = answer
  const lane = createCollectingLane({ target, meter, events, bytesMax: ANSWER_BYTES_MAX })
  await pump(exchange, answer, () => lane, { ...deps, meter })
  replyWith(exchange, opened, events)
}

function replyWith (exchange: Exchange, opened: OpenedCall, events: readonly ChatEvent[]): void {
  const identity = identityOf(exchange)
  if (!opened.envelope.stream) {
    exchange.reply.send(200, 'application/json; charset=utf-8', opened.renderResponse(events, identity))
    return
  }
  const encoder = opened.createEncoder(identity)
  for (const event of events) {
    const bytes = encoder.encode(event)
    if (bytes !== undefined) exchange.reply.write(bytes)
  }
  exchange.reply.end()
}

/** @throws GatewayError the error among the events, should there be one */
function refuseError (events: readonly ChatEvent[]): void {
  if (events.length === 0) throw new GatewayError('upstream_protocol', 'The upstream sent an empty answer.')
  for (const event of events) if (event.type === 'response-error') throw event.error
}

function identityOf (exchange: Exchange): ReplyIdentity {
  return {
    requestId: exchange.requestId,
    model: exchange.opened?.envelope.model ?? '',
    createdSeconds: Math.floor(exchange.startedMs / 1000)
  }
}
