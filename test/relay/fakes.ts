import { PassThrough } from 'node:stream'
import { openExchange } from '../../src/relay/exchange.ts'
import { createManualClock } from '../support/fixed.ts'
import { principalOf } from '../support/accounts.ts'
import type { BodySink, UpstreamBody } from '../../src/upstream/send.ts'
import type { Catalog, Target } from '../../src/core/catalog.ts'
import type { ClientReply } from '../../src/relay/client-reply.ts'
import type { Exchange } from '../../src/relay/exchange.ts'
import { openai } from '../../src/protocols/openai/index.ts'

/** An upstream body played by hand. */
export interface FakeBody extends UpstreamBody {
  readonly calls: string[]
  readonly sink: BodySink
}

export function createFakeBody (): FakeBody {
  const calls: string[] = []
  let sink: BodySink | undefined
  return {
    calls,
    get sink () {
      if (sink === undefined) throw new Error('nothing flows yet')
      return sink
    },
    flow (given) { sink = given },
    pause () { calls.push('pause') },
    resume () { calls.push('resume') },
    abort () { calls.push('abort') }
  }
}

/** A client played by hand: `full` makes writes ask for patience, `leave` closes the connection. */
export interface FakeReply extends ClientReply {
  readonly written: Buffer[]
  readonly ends: string[]
  status: number | undefined
  full: boolean
  drain (): void
  leave (): void
}

export function createFakeReply (): FakeReply {
  const gone = new AbortController()
  const drains = new PassThrough()
  const reply = {
    requestId: 'request-1',
    headSent: false,
    status: undefined as number | undefined,
    gone: gone.signal,
    written: [] as Buffer[],
    ends: [] as string[],
    full: false,
    setHeader () {},
    send (status: number) {
      reply.status = status
      reply.ends.push('send')
    },
    write (bytes: Buffer) {
      reply.headSent = true
      reply.status = 200
      reply.written.push(bytes)
      return !reply.full
    },
    onDrain (action: () => void) { drains.on('drained', action) },
    end () { reply.ends.push('end') },
    destroy () { reply.ends.push('destroy') },
    drain () { drains.emit('drained') },
    leave () { gone.abort() }
  }
  return reply
}

const TIMEOUTS = { connectTimeoutMs: 1_000, firstByteTimeoutMs: 5_000, idleTimeoutMs: 10_000, totalTimeoutMs: 600_000 }

export const TARGET: Target = {
  upstream: { name: 'up', protocol: openai, baseUrl: 'http://127.0.0.1:1/v1', keys: [{ id: 'k1', key: 'sk-up', weight: 1 }], timeouts: TIMEOUTS },
  model: 'qwen-coder-turbo',
  priority: 0,
  weight: 1,
  quirks: {
    extensions: true, developerRole: false, maxCompletionTokens: false, toolChoiceRequired: 'pass', streamOnly: false, nativeService: 'text-generation'
  }
}

export function createScene (policy: 'cancel' | 'drain' = 'cancel') {
  const clock = createManualClock()
  const reply = createFakeReply()
  const body = createFakeBody()
  const catalog: Catalog = {
    models: new Map(),
    resolve: () => undefined,
    policies: { outputOverCap: 'reject', clientAbort: policy, budgetFit: 'clamp', unpricedModel: 'reject' },
    vendorRules: { strict: false, nativeDefaults: () => ({ resultFormat: 'text', incrementalOutput: false }) }
  }
  const exchange: Exchange = openExchange({ surface: openai, principal: principalOf(), catalog, reply }, { clock })
  const answer = { response: { status: 200, headers: {}, body }, target: TARGET, lane: 'bytes' as const, stream: true, end () {} }
  return { clock, reply, body, exchange, answer, meter: { pastHold: () => false } }
}
