import { readJsonBody } from '../../src/core/body.ts'
import { openExchange } from '../../src/relay/exchange.ts'
import { openai } from '../../src/protocols/openai/index.ts'
import { createFakeReply, createScene, TARGET } from './fakes.ts'
import { tierOf } from '../support/prices.ts'
import type { GatewayError } from '../../src/core/errors.ts'
import type { ClientCall, Dialect, OpenedCall, Protocol } from '../../src/core/protocol.ts'
import type { Exchange } from '../../src/relay/exchange.ts'
import type { Meter, Tally } from '../../src/relay/meter.ts'
import type { Model, Policies, Target } from '../../src/core/catalog.ts'
import { principalOf } from '../support/accounts.ts'
import type { Principal } from '../../src/accounts/principal.ts'
import type { UpstreamBody } from '../../src/upstream/send.ts'

export const MODEL: Model = {
  name: 'qwen-coder-turbo',
  targets: [TARGET],
  contextTokens: 131_072,
  inputTokensMax: 129_024,
  outputTokensMax: 8_192,
  thinkingTokensMax: 0,
  thinksByDefault: false,
  tokenizer: 'qwen',
  nativeDefaults: { resultFormat: 'text', incrementalOutput: false },
  prices: [{ fromMs: 0, currency: 'CNY', tiers: [tierOf(1_000_000, 2, 6)] }],
  createdSeconds: 0
}

export function callOf (body: object = {}): ClientCall {
  const bytes = Buffer.from(JSON.stringify({ model: MODEL.name, messages: [{ role: 'user', content: 'hi' }], ...body }))
  return { path: '/v1/chat/completions', headers: {}, body: readJsonBody(bytes, openai.surface.recordedMembers) }
}

export function openedOf (call: ClientCall): OpenedCall {
  return openai.surface.open(call, { strict: false, nativeDefaults: () => MODEL.nativeDefaults })
}

/** TARGET with some of its dialect played by hand; its protocol is then one of its own. */
export function targetWith (dialect: Partial<Dialect>): Target {
  const protocol: Protocol = { ...openai, dialect: { ...openai.dialect, ...dialect } }
  return { ...TARGET, upstream: { ...TARGET.upstream, protocol } }
}

export interface SceneOptions {
  readonly body?: object
  readonly policies?: Partial<Policies>
  readonly model?: Model
  readonly surface?: Protocol
  readonly principal?: Principal
}

/** An exchange whose request has been read and whose model is known, on a clock that stands still. */
export function openScene ({ body = {}, policies = {}, model = MODEL, surface = openai, principal = principalOf() }: SceneOptions = {}) {
  const { clock, exchange: { catalog } } = createScene()
  const reply = createFakeReply()
  const headers: Record<string, string> = {}
  reply.setHeader = (name, value) => { headers[name] = value }
  const exchange: Exchange = openExchange({
    surface,
    principal,
    catalog: { ...catalog, policies: { ...catalog.policies, ...policies }, resolve: (name) => name === model.name ? model : undefined },
    reply
  }, { clock })
  const call = exchange.call = callOf(body)
  const opened = exchange.opened = openedOf(call)
  exchange.model = model
  exchange.price = model.prices[0]
  return { clock, reply, headers, exchange, call, opened }
}

/** A pattern for tap's `throws` and `rejects`, whose types know no more of an error than its name, message and code. */
export function failing (pattern: Partial<GatewayError>): Error {
  return pattern as Error
}

/** An upstream body that gives these chunks as soon as it may, and ends. */
export function bodyOf (...chunks: (string | Buffer)[]): UpstreamBody & { aborted: boolean } {
  const body = {
    aborted: false,
    flow (sink: Parameters<UpstreamBody['flow']>[0]) {
      queueMicrotask(() => {
        for (const chunk of chunks) if (!body.aborted) sink.onData(Buffer.from(chunk))
        if (!body.aborted) sink.onEnd()
      })
    },
    pause () {},
    resume () {},
    abort () { body.aborted = true }
  }
  return body
}

/** A meter that remembers what it was told. */
export function createFakeMeter (): Meter & { readonly told: string[], tally: Tally | undefined } {
  const meter = {
    told: [] as string[],
    tally: undefined as Tally | undefined,
    answered () { meter.told.push('answered') },
    contentSeen () { meter.told.push('content') },
    watch (tally: Tally) { meter.tally = tally },
    pastHold: () => false,
    async supersede () { meter.told.push('supersede') },
    async finish () { meter.told.push('finish') }
  }
  return meter
}
