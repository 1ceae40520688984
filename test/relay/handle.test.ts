import t from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { handle } from '../../src/relay/handle.ts'
import { NO_USAGE } from '../../src/core/usage.ts'
import { TARGET } from './fakes.ts'
import { MODEL, bodyOf, callOf, openScene } from './calls.ts'
import { countingKeyring } from '../support/keyring.ts'
import type { Exchange } from '../../src/relay/exchange.ts'
import type { JsonBody } from '../../src/core/body.ts'
import type { RefusalRecord } from '../../src/metering/ledger.ts'
import { createOpenLimiter } from '../support/open-limiter.ts'
import { principalOf } from '../support/accounts.ts'
import type { LimitReport } from '../../src/metering/limit-report.ts'
import type { OpenLimiter } from '../support/open-limiter.ts'
import type { SceneOptions } from './calls.ts'
import type { TokenCounter } from '../../src/tokens/counter.ts'
import type { UpstreamBody } from '../../src/upstream/send.ts'

const CHUNK = '{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}'
const FINISH = '{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
const STREAM = `data: ${CHUNK}\n\ndata: ${FINISH}\n\ndata: [DONE]\n\n`
const WHOLE = '{"id":"chatcmpl-1","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],' +
  '"usage":{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8}}'

interface Script extends SceneOptions {
  readonly status?: number
  readonly contentType?: string
  readonly answer?: UpstreamBody
  readonly failure?: Error
  /** False where the request never went out. */
  readonly sent?: boolean
  readonly tokens?: TokenCounter
  readonly readBody?: () => JsonBody
  readonly limiter?: OpenLimiter
  readonly headers?: Readonly<Record<string, string>>
}

const TOKENS: TokenCounter = { count: () => 11, countText: (text) => text.length, close: async () => undefined }

async function run (script: Script = {}) {
  const { status = 200, contentType = 'application/json', answer = bodyOf(WHOLE), failure, tokens = TOKENS, body = {} } = script
  const scene = openScene({ ...script, body: {}, model: script.model ?? { ...MODEL, targets: [TARGET] } })
  const { exchange, reply, clock } = scene
  const replies: { status: number, text: string }[] = []
  reply.send = (sentStatus, _type, bytes) => {
    reply.status = sentStatus
    replies.push({ status: sentStatus, text: bytes.toString() })
  }
  exchange.call = exchange.opened = exchange.model = undefined
  const limiter = script.limiter ?? createOpenLimiter()
  const { records } = limiter
  const refusals: RefusalRecord[] = []
  const ended: Exchange[] = []
  const lost: unknown[] = []
  const keyring = countingKeyring()
  let sends = 0
  await handle(exchange, { path: '/v1/chat/completions', headers: {}, readBody: script.readBody ?? (() => callOf(body).body) }, {
    clock,
    random: () => 0,
    keyring,
    send: async (_upstream, _call, { onSent }) => {
      sends++
      if (script.sent !== false) onSent()
      if (failure !== undefined) throw failure
      return { status, headers: { 'content-type': contentType, ...script.headers }, body: answer }
    },
    tokens,
    limiter,
    refusals: { append: (refusal) => { refusals.push(refusal) }, find: async () => undefined, list: async () => [] },
    record: (done) => { ended.push(done) },
    unsettled: (_exchange, cause) => { lost.push(cause) }
  })
  return { ...scene, underWay: keyring.underWay, replies, records, refusals, limiter, ended, lost, sends, text: Buffer.concat(reply.written).toString() }
}

t.test('no key is in use any more once a request has ended, however it ended', async (t) => {
  const broken = bodyOf('{"choices":')
  for (const script of [{}, { answer: broken }, { status: 500 }, { failure: new GatewayError('upstream_failed', 'reset') }, { status: 200, contentType: 'text/event-stream' }]) {
    const { sends, underWay } = await run(script)
    t.equal(sends, 1)
    t.same(underWay, [], JSON.stringify(script))
  }
})

t.test('a whole answer goes to the client as it came, and into the ledger', async (t) => {
  const { replies, records, ended, headers, clock } = await run()
  t.same(replies, [{ status: 200, text: WHOLE }])
  t.match(records, [{ outcome: 'completed', usage: { inputTokens: 7, outputTokens: 1, source: 'reported' } }])
  t.equal(ended.length, 1)
  t.match(headers, { 'x-dashgate-upstream': 'up', 'x-dashgate-model': 'qwen-coder-turbo' })
  t.equal(clock.pending, 0)
})

t.test('so does a stream', async (t) => {
  const { text, reply, records, clock } = await run({ body: { stream: true }, contentType: 'text/event-stream', answer: bodyOf(STREAM) })
  t.equal(text, STREAM)
  t.same(reply.ends, ['end'])
  t.match(records, [{ stream: true, outcome: 'completed', usage: { inputTokens: 11, outputTokens: 2, source: 'estimated' } }])
  t.equal(clock.pending, 0)
})

t.test('a stream that nobody asked for is collected', async (t) => {
  const { replies } = await run({ contentType: 'text/event-stream', answer: bodyOf(STREAM) })
  t.match(JSON.parse(replies[0]?.text ?? ''), { object: 'chat.completion', choices: [{ message: { content: 'hi' }, finish_reason: 'stop' }] })
})

t.test('and a whole answer to a client that wants a stream becomes one', async (t) => {
  const { text } = await run({ body: { stream: true } })
  t.match(text, /"content":"hi"[^]*"finish_reason":"stop"[^]*data: \[DONE\]\n\n$/)
})

t.test('what is refused here never reaches an upstream', async (t) => {
  const unread = (): never => { throw new GatewayError('invalid_request', 'no JSON') }
  const refusals: readonly (readonly [Script, number, string])[] = [
    [{ readBody: unread }, 400, 'no JSON'],
    [{ body: { model: 'nobody' } }, 404, 'The model \\"nobody\\" does not exist'],
    [{ body: { temperature: 9 } }, 400, 'Temperature should be'],
    [{ body: { max_tokens: 9_000 } }, 400, 'Range of max_tokens'],
    [{ model: { ...MODEL, targets: [] } }, 503, 'No upstream']
  ]
  for (const [script, status, words] of refusals) {
    const { replies, records, ended, sends } = await run(script)
    t.equal(replies[0]?.status, status)
    t.match(replies[0]?.text, words)
    const isAdmitted = ended[0]?.admission !== undefined
    t.same([sends, records.length, ended.length, replies.length], [0, isAdmitted ? 1 : 0, 1, 1], words)
    t.equal(ended[0]?.outcome, 'failed')
  }
})

t.test('an upstream that cannot be reached costs nothing, one that answers nonsense does', async (t) => {
  const unreachable = await run({ failure: new GatewayError('upstream_failed', 'refused'), sent: false })
  t.equal(unreachable.replies[0]?.status, 502)
  t.match(unreachable.records, [{ outcome: 'failed', status: 502, usage: NO_USAGE, costNano: 0 }])
  const nonsense = await run({ answer: bodyOf('<html>') })
  t.equal(nonsense.replies[0]?.status, 502)
  t.match(nonsense.records, [{ outcome: 'failed', errorKind: 'upstream_protocol', usage: { source: 'estimated' } }])
})

t.test('what nobody foresaw is an internal error whose words stay here', async (t) => {
  const { replies, ended } = await run({ failure: new RangeError('secret detail') })
  t.equal(replies[0]?.status, 500)
  t.notMatch(replies[0]?.text, 'secret')
  t.match(ended[0]?.error, { kind: 'internal', cause: { message: 'secret detail' } })
})

t.test('a stream that breaks is told in the stream, once', async (t) => {
  const { text, replies, records, ended } = await run({
    body: { stream: true }, contentType: 'text/event-stream', answer: bodyOf(`data: ${CHUNK}\n\n`)
  })
  t.match(text, /"content":"hi"[^]*data: \{"error":/)
  t.notMatch(text, /\[DONE\]/)
  t.same(replies, [])
  t.match(records, [{ outcome: 'failed', errorKind: 'upstream_failed' }])
  t.equal(ended.length, 1)
})

t.test('a count that fails at the end does not keep the exchange from being recorded', async (t) => {
  const broken = (): never => { throw new RangeError('a bug') }
  const { ended, lost, text } = await run({
    body: { stream: true }, contentType: 'text/event-stream', answer: bodyOf(STREAM), tokens: { ...TOKENS, countText: broken }
  })
  t.equal(text, STREAM)
  t.equal(ended.length, 1)
  t.match(lost, [RangeError])
})

t.test('a request that never went out is charged nothing, and one that did is charged its prompt', async (t) => {
  const silence = new GatewayError('upstream_failed', 'reset')
  t.match((await run({ failure: silence, sent: false })).records, [{ usage: NO_USAGE, costNano: 0 }])
  t.match((await run({ failure: silence })).records, [{ usage: { inputTokens: 11, outputTokens: 0, source: 'estimated' } }])
  const left = new GatewayError('client_closed', 'left')
  t.match((await run({ failure: left, sent: false })).records, [{ outcome: 'client_closed', status: 499, usage: NO_USAGE }])
  t.match((await run({ failure: left })).records, [{ outcome: 'client_closed', usage: { inputTokens: 11 } }])
  t.match((await run({ failure: new GatewayError('upstream_failed', 'said so', { upstream: { status: 500 } }) })).records, [{ usage: NO_USAGE }])
})

t.test('a count beyond what the model can hold is not believed', async (t) => {
  const lie = WHOLE.replace('"prompt_tokens":7', '"prompt_tokens":9000000').replace('"total_tokens":8', '"total_tokens":9000001')
  const { records } = await run({ answer: bodyOf(lie) })
  t.match(records, [{ usage: { inputTokens: 11, outputTokens: 2, source: 'estimated' } }])
})

t.test('what a limit refuses reaches no upstream, and can be asked about afterwards', async (t) => {
  const error = new GatewayError('budget_exhausted', 'The budget is spent.', { retryAfterMs: 60_000, limit: { id: 'daily' } })
  const report = { id: 'daily', allows: false } as LimitReport
  const limiter: OpenLimiter = { ...createOpenLimiter(), admit: async () => ({ status: 'refused', error, reports: [report], headers: {} }) }
  const { replies, records, refusals, sends, ended, headers } = await run({ limiter })
  t.match(replies, [{ status: 429 }])
  t.match(JSON.parse(replies[0]?.text ?? ''), { error: { code: 'insufficient_quota', message: 'The budget is spent.', limit: { id: 'daily' } } })
  t.match(headers, { 'retry-after': '60', 'x-should-retry': 'false' })
  t.same([sends, records.length, ended.length], [0, 0, 1])
  t.match(refusals, [{ requestId: 'request-1', team: 'default', keyId: 'k', model: 'qwen-coder-turbo', errorKind: 'budget_exhausted', limits: [report] }])
})

t.test('every way out of an admitted request ends what is held for it, once', async (t) => {
  const silence = new GatewayError('upstream_failed', 'reset')
  const ways: readonly (readonly [Script, string])[] = [
    [{}, 'settled'],
    [{ failure: silence }, 'settled'],
    [{ failure: silence, sent: false }, 'released'],
    [{ failure: new RangeError('a bug'), sent: false }, 'released'],
    [{ status: 400, answer: bodyOf('{"error":{"message":"no"}}') }, 'released'],
    [{ model: { ...MODEL, targets: [] } }, 'released'],
    [{ answer: bodyOf('<html>') }, 'settled']
  ]
  for (const [script, ending] of ways) {
    const { limiter, records } = await run(script)
    t.same(limiter.endings, [ending])
    t.match(records, [{ attempt: 1, superseded: false }])
    t.equal(records.length, 1)
  }
})

t.test('a key that may not use a model is told so, and asks nobody', async (t) => {
  const principal = principalOf('search', { settings: { models: ['qwen-max*'] } })
  const { replies, sends, limiter, refusals } = await run({ principal })
  t.match(replies, [{ status: 403 }])
  t.match(replies[0]?.text, /may not use the model/)
  t.same([sends, limiter.endings], [0, []])
  t.match(refusals, [{ requestId: 'request-1', team: 'search', keyId: 'k', model: 'qwen-coder-turbo', errorKind: 'permission_denied', message: /may not use the model/, limits: [] }])
  t.same((await run({ body: { temperature: 9 } })).refusals, [], 'what is wrong with a request is the client\'s to know')
})

t.test('an answer in an encoding nobody asked for is not read, and costs nothing', async (t) => {
  const limiter = createOpenLimiter({ outputTokensHeld: 300 })
  const answer = bodyOf('whatever')
  const { replies } = await run({ limiter, answer, headers: { 'content-encoding': 'gzip' } })
  t.match(replies, [{ status: 502 }])
  t.same(limiter.endings, ['released'])
  t.match(limiter.records, [{ outcome: 'failed', errorKind: 'upstream_protocol', costNano: 0, usage: { outputTokens: 0 } }])
  t.ok(answer.aborted)
  const plain = await run({ headers: { 'content-encoding': 'identity' } })
  t.match(plain.replies, [{ status: 200 }])
})
