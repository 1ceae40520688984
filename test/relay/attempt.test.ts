import t from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { attempt } from '../../src/relay/attempt.ts'
import { ATTEMPTS_MAX } from '../../src/upstream/select.ts'
import { dashscope } from '../../src/protocols/dashscope/index.ts'
import { TARGET } from './fakes.ts'
import { MODEL, bodyOf, createFakeMeter, openScene, targetWith, failing } from './calls.ts'
import { countingKeyring, KEYRING } from '../support/keyring.ts'
import { createOpenLimiter } from '../support/open-limiter.ts'
import type { ErrorKind } from '../../src/core/errors.ts'
import type { Answer } from '../../src/relay/attempt.ts'
import type { OpenLimiter } from '../support/open-limiter.ts'
import type { SceneOptions } from './calls.ts'
import type { HeaderValues, UpstreamCall } from '../../src/core/protocol.ts'
import type { SendingKeyring } from '../support/keyring.ts'
import type { Target } from '../../src/core/catalog.ts'
import type { TokenCounter } from '../../src/tokens/counter.ts'
import type { UpstreamBody, UpstreamResponse } from '../../src/upstream/send.ts'

type Reaction = GatewayError | { readonly status: number, readonly headers?: HeaderValues, readonly body?: UpstreamBody }

interface Sent { readonly upstream: string, readonly call: UpstreamCall, readonly headTimeoutMs: number }

interface Scene extends SceneOptions { readonly limiter?: OpenLimiter, readonly sent?: boolean, readonly keyring?: SendingKeyring }

const TOKENS: TokenCounter = { count: () => 11, countText: () => 0, close: async () => undefined }

/** Tries a model of these targets, whose upstreams react in this order. */
function start (targets: readonly Target[], reactions: readonly Reaction[], scene: Scene = {}) {
  const { keyring = KEYRING } = scene
  const opening = openScene({ ...scene, model: { ...MODEL, targets } })
  const { exchange, call, opened, clock } = opening
  const sent: Sent[] = []
  const meter = createFakeMeter()
  const limiter = scene.limiter ?? createOpenLimiter()
  const answer: Promise<Answer> = attempt(exchange, { call, opened, meter }, {
    clock,
    limiter,
    tokens: TOKENS,
    random: () => 0,
    keyring,
    send: async (upstream, upstreamCall, { headTimeoutMs, onSent }): Promise<UpstreamResponse> => {
      const reaction = reactions[sent.length]
      sent.push({ upstream: upstream.name, call: upstreamCall, headTimeoutMs })
      if (scene.sent !== false) onSent()
      if (reaction === undefined) throw new Error('one try too many')
      if (reaction instanceof GatewayError) throw reaction
      return { headers: {}, body: bodyOf(), ...reaction }
    }
  })
  answer.catch(() => undefined)
  return { ...opening, answer, sent, told: meter.told, limiter }
}

/** Targets in the order in which they are to be tried. */
function targets (...names: string[]): Target[] {
  return names.map((name, priority) => ({ ...TARGET, upstream: { ...TARGET.upstream, name }, priority }))
}

const failure = new GatewayError('upstream_failed', 'reset')

t.test('the first that says 2xx answers, on the byte lane where both speak the same', async (t) => {
  const { answer, sent, exchange } = start(targets('a', 'b'), [{ status: 200, headers: { 'x-request-id': 'req_0123456789abcdef' } }])
  const { target, lane } = await answer
  t.same([target.upstream.name, lane], ['a', 'bytes'])
  t.match(exchange, { attempts: 1, upstreamRequestId: 'req_0123456789abcdef', target: { upstream: { name: 'a' } } })
  t.equal(sent.length, 1)
  t.match(sent[0]?.call, { path: '/chat/completions', headers: { authorization: 'Bearer sk-up' } })
})

t.test('another is tried where that may help', async (t) => {
  for (const reaction of [failure, { status: 500 }, { status: 429 }, { status: 401 }]) {
    const { answer, sent, exchange } = start(targets('a', 'b'), [reaction, { status: 200 }])
    t.equal((await answer).target.upstream.name, 'b')
    t.same(sent.map(({ upstream }) => upstream), ['a', 'b'])
    t.equal(exchange.attempts, 2)
  }
})

t.test('and none where it cannot, or where the first may have been billed', async (t) => {
  const bad = bodyOf('{"error":{"message":"no","code":"invalid_parameter_error"}}')
  const reactions: readonly (readonly [Reaction, ErrorKind])[] = [
    [{ status: 400, body: bad }, 'invalid_request'],
    [new GatewayError('upstream_timeout', 'silent'), 'upstream_timeout'],
    [new GatewayError('client_closed', 'gone'), 'client_closed'],
    [new GatewayError('upstream_protocol', 'no HTTP'), 'upstream_protocol']
  ]
  for (const [reaction, kind] of reactions) {
    const { answer, sent } = start(targets('a', 'b'), [reaction])
    await t.rejects(answer, failing({ kind }))
    t.equal(sent.length, 1)
  }
})

t.test('the last failure is the client\'s, after a bounded number of tries', async (t) => {
  const many = targets('a', 'b', 'c', 'd', 'e')
  const last = new GatewayError('rate_limited', 'the last')
  const { answer, sent } = start(many, [...Array.from({ length: ATTEMPTS_MAX - 1 }, () => failure), last])
  await t.rejects(answer, failing({ kind: 'rate_limited', message: 'the last' }))
  t.equal(sent.length, ATTEMPTS_MAX)
})

t.test('a model without targets has no upstream', async (t) => {
  await t.rejects(start([], []).answer, failing({ kind: 'no_upstream', message: 'No upstream is configured for this model.' }))
})

t.test('where all are drained nothing is sent, and the client is told so', async (t) => {
  const { answer, sent } = start(targets('a', 'b'), [], { keyring: { ...KEYRING, keysOf: () => [] } })
  await t.rejects(answer, failing({
    kind: 'no_upstream', message: 'No upstream of this model takes requests at the moment: all of them, or all of their keys, are drained.'
  }))
  t.equal(sent.length, 0)
})

t.test('what is drained is passed over, and the next target answers', async (t) => {
  const keyring = { ...KEYRING, keysOf: (upstream: Target['upstream']) => upstream.name === 'a' ? [] : upstream.keys }
  const { answer, sent } = start(targets('a', 'b'), [{ status: 200 }], { keyring })
  t.equal((await answer).target.upstream.name, 'b')
  t.equal(sent.length, 1)
})

t.test('a key is in use from its try on, until the try fails or its answer is at an end', async (t) => {
  const keyring = countingKeyring()
  const { answer } = start(targets('a', 'b'), [failure, { status: 200 }], { keyring })
  t.same(keyring.underWay, ['a k1'])
  const { end } = await answer
  t.same(keyring.underWay, ['b k1'])
  end()
  t.same(keyring.underWay, [])
  const failing = start(targets('a'), [{ status: 500 }], { keyring })
  await t.rejects(failing.answer)
  t.same(keyring.underWay, [])
})

t.test('an upstream of another protocol is spoken to in its own', async (t) => {
  const other: Target = { ...TARGET, upstream: { ...TARGET.upstream, protocol: dashscope } }
  const { answer, sent } = start([other], [{ status: 200 }])
  t.equal((await answer).lane, 'canonical')
  t.match(sent[0]?.call.path, dashscope.surface.chatPaths[0]?.slice('/api/v1'.length))
})

t.test('a dialect that cannot relay the bytes renders them anew', async (t) => {
  const target = targetWith({ relayRequest: () => undefined })
  const { answer } = start([target], [{ status: 200 }], { surface: target.upstream.protocol })
  t.equal((await answer).lane, 'canonical')
})

t.test('a lowered output cap goes up on both lanes', async (t) => {
  for (const target of [TARGET, targetWith({})]) {
    const opening = openScene({ body: { max_tokens: 9_000 }, model: { ...MODEL, targets: [target] } })
    opening.exchange.outputTokensMax = 8_192
    const bodies: string[] = []
    await attempt(opening.exchange, { ...opening, meter: createFakeMeter() }, {
      clock: opening.clock,
      limiter: createOpenLimiter(),
      tokens: TOKENS,
      random: () => 0,
      keyring: KEYRING,
      send: async (_upstream, call) => {
        bodies.push(call.body.toString())
        return { status: 200, headers: {}, body: bodyOf() }
      }
    })
    t.equal(JSON.parse(bodies[0] ?? '').max_tokens, 8_192)
  }
})

t.test('redirects are not followed', async (t) => {
  const body = bodyOf('whatever')
  const { answer } = start(targets('a', 'b'), [{ status: 302, headers: { location: 'http://127.0.0.1/' }, body }])
  await t.rejects(answer, failing({ kind: 'upstream_protocol' }))
  t.ok(body.aborted)
})

t.test('an error whose words are too many, or never end, is still that error', async (t) => {
  const long = start(targets('a'), [{ status: 429, body: bodyOf(Buffer.alloc(65_537, 'x')) }])
  await t.rejects(long.answer, failing({ kind: 'rate_limited' }))

  const endless = createSilentBody()
  const silent = start(targets('a', 'b'), [{ status: 503, body: endless }, { status: 200 }])
  await flowing(endless)
  silent.clock.advance(10_000)
  t.equal((await silent.answer).target.upstream.name, 'b')
  t.same(endless.calls, ['abort'])
})

t.test('a client that leaves while an error is read is not kept', async (t) => {
  const endless = createSilentBody()
  const { answer, reply, sent } = start(targets('a', 'b'), [{ status: 503, body: endless }])
  await flowing(endless)
  reply.leave()
  await t.rejects(answer, failing({ kind: 'client_closed' }))
  t.same(endless.calls, ['abort'])
  t.equal(sent.length, 1)
})

/** A body that is read and never gives anything. */
function createSilentBody () {
  const body = {
    isFlowing: false,
    calls: [] as string[],
    flow () { body.isFlowing = true },
    pause () {},
    resume () {},
    abort () { body.calls.push('abort') }
  }
  return body
}

const TURNS_MAX = 100

/** Resolves once somebody reads the body. */
async function flowing (body: ReturnType<typeof createSilentBody>): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    if (body.isFlowing) return
    await Promise.resolve()
  }
  throw new Error('nobody reads the body')
}

t.test('a stream has to begin soon, an answer in one piece only within the time of the whole', async (t) => {
  const stream = start(targets('a'), [{ status: 200 }], { body: { stream: true } })
  await stream.answer
  t.equal(stream.sent[0]?.headTimeoutMs, TARGET.upstream.timeouts.firstByteTimeoutMs)
  const whole = start(targets('a'), [{ status: 200 }])
  await whole.answer
  t.equal(whole.sent[0]?.headTimeoutMs, TARGET.upstream.timeouts.totalTimeoutMs)
})

t.test('what an upstream refuses its caller, another may have been granted', async (t) => {
  for (const kind of ['permission_denied', 'model_not_found', 'account_overdue', 'free_tier_exhausted'] as const) {
    const refused = new GatewayError(kind, 'no', { upstream: { status: 403 } })
    const { answer, sent } = start(targets('a', 'b'), [refused, { status: 200 }])
    t.equal((await answer).target.upstream.name, 'b', kind)
    t.equal(sent.length, 2)
  }
})

t.test('the first try\'s facts do not stick to the second', async (t) => {
  const { answer, exchange } = start(targets('a', 'b'), [{ status: 500, headers: { 'x-request-id': 'req_0123456789abcdef' } }, failure])
  await answer.catch(() => undefined)
  t.equal(exchange.upstreamRequestId, undefined)
})

t.test('a try of which no word came back is settled before the next, which is held for anew', async (t) => {
  const { answer, told, limiter, exchange } = start(targets('a', 'b', 'c'), [failure, failure, { status: 200 }])
  t.equal((await answer).target.upstream.name, 'c')
  t.same(told, ['supersede', 'supersede'])
  t.equal(limiter.asked.length, 2)
  t.ok(exchange.admission)
})

t.test('one that certainly cost nothing leaves what is held to the next', async (t) => {
  const unsent = start(targets('a', 'b'), [failure, { status: 200 }], { sent: false })
  await unsent.answer
  const refused = start(targets('a', 'b'), [{ status: 429 }, { status: 200 }])
  await refused.answer
  for (const { told, limiter } of [unsent, refused]) t.same([told, limiter.asked], [[], []])
})

t.test('where the limits leave no room for another, the first failure is the client\'s, and nobody else is asked', async (t) => {
  const refused = { status: 'refused', error: new GatewayError('budget_exhausted', 'spent'), reports: [], headers: {} } as const
  const limiter: OpenLimiter = { ...createOpenLimiter(), admit: async () => refused }
  const { answer, sent, told } = start(targets('a', 'b'), [failure, { status: 200 }], { limiter })
  await t.rejects(answer, failing({ kind: 'upstream_failed', message: 'reset' }))
  t.same([sent.length, told], [1, ['supersede']])
})

t.test('the last silent try is left for the end of the request', async (t) => {
  const { answer, told, limiter } = start(targets('a', 'b'), [failure, failure])
  await answer.catch(() => undefined)
  t.same([told, limiter.asked.length], [['supersede'], 1])
})
