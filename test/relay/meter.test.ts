import t from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { createMeter } from '../../src/relay/meter.ts'
import { TokenCounterError } from '../../src/tokens/counter.ts'
import { TARGET } from './fakes.ts'
import { MODEL, openScene } from './calls.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'
import type { TokenCounter } from '../../src/tokens/counter.ts'
import type { Usage } from '../../src/core/usage.ts'

const REPORTED: Usage = { inputTokens: 10, cachedInputTokens: 4, outputTokens: 5, reasoningTokens: 2, source: 'reported' }

/** Ten tokens a message, one a character; or a counter that cannot. */
function counterOf (failure?: Error): TokenCounter {
  const count = (tokens: number): number => {
    if (failure !== undefined) throw failure
    return tokens
  }
  return { count: ({ messages }) => count(messages.length * 10), countText: (text) => count(text.length), close: async () => undefined }
}

function start ({ failure, model = MODEL }: { failure?: Error, model?: typeof MODEL } = {}) {
  const scene = openScene({ model })
  const records: LedgerRecord[] = []
  const ledger = { append: (record: LedgerRecord) => { records.push(record) }, find: () => undefined }
  const meter = createMeter(scene.exchange, { clock: scene.clock, ledger, tokens: counterOf(failure) })
  scene.exchange.target = TARGET
  return { ...scene, records, meter }
}

const tally = (usage: Usage | undefined, outputText = '') => ({ usage: () => usage, outputText: () => outputText })

t.test('settles once, with what the upstream reported', async (t) => {
  const { meter, records, exchange, clock } = start()
  meter.answered()
  meter.watch(tally(REPORTED))
  clock.advance(20)
  meter.contentSeen()
  clock.advance(30)
  meter.contentSeen()
  exchange.attempts = 2
  exchange.upstreamRequestId = 'up-1'
  await meter.finish()
  await meter.finish()
  t.equal(records.length, 1)
  t.match(records[0], {
    requestId: 'request-1',
    team: 'default',
    keyId: 'k',
    model: 'qwen-coder-turbo',
    upstream: 'up',
    upstreamRequestId: 'up-1',
    surface: 'openai',
    stream: false,
    attempts: 2,
    outcome: 'completed',
    errorKind: undefined,
    usage: REPORTED,
    costNano: 10 * 2 + 5 * 6,
    currency: 'CNY',
    firstContentMs: 20,
    durationMs: 50
  })
})

t.test('counts prompt and text where nothing was reported', async (t) => {
  const { meter, records } = start()
  meter.answered()
  meter.watch(tally(undefined, 'abc'))
  await meter.finish()
  t.match(records[0]?.usage, { inputTokens: 10, outputTokens: 3, source: 'estimated' })
})

t.test('does not count a prompt again, nor an answer that never began', async (t) => {
  const { meter, records, exchange } = start({ failure: new Error('must not be asked') })
  exchange.inputTokensCounted = 77
  meter.answered()
  await meter.finish()
  t.match(records[0]?.usage, { inputTokens: 77, outputTokens: 0, source: 'estimated' })
})

t.test('takes the bytes for tokens where it cannot count', async (t) => {
  const failures = [new TokenCounterError('busy'), new GatewayError('unsupported_parameter', 'a role only one protocol has')]
  for (const failure of failures) {
    const { meter, records, call } = start({ failure })
    meter.answered()
    meter.watch(tally(undefined, '你好'))
    await meter.finish()
    t.match(records[0]?.usage, { inputTokens: call.body.bytes.length, outputTokens: 6, source: 'estimated' })
  }
})

t.test('says how the exchange ended', async (t) => {
  const outcomes = { completed: undefined, failed: 'upstream_protocol', client_closed: 'client_closed' } as const
  for (const [outcome, kind] of Object.entries(outcomes)) {
    const { meter, records, exchange } = start()
    meter.answered()
    exchange.error = kind === undefined ? undefined : new GatewayError(kind, 'x')
    await meter.finish()
    t.match(records[0], { outcome, errorKind: kind })
    t.equal(exchange.outcome, outcome)
  }
})

t.test('a request that no upstream has taken costs nothing', async (t) => {
  const refused = start()
  refused.exchange.error = new GatewayError('rate_limited', 'slow down')
  await refused.meter.finish()
  t.same(refused.records, [])
  const early = start()
  early.exchange.target = undefined
  early.exchange.error = new GatewayError('client_closed', 'gone')
  await early.meter.finish()
  t.same(early.records, [])
  t.equal(early.exchange.outcome, 'client_closed')
})

t.test('one that was sent and never heard of again has cost its prompt', async (t) => {
  for (const kind of ['upstream_timeout', 'client_closed'] as const) {
    const { meter, records, exchange } = start()
    exchange.sent = true
    exchange.error = new GatewayError(kind, 'x')
    await meter.finish()
    t.match(records, [{ errorKind: kind, usage: { inputTokens: 10, outputTokens: 0, source: 'estimated' } }])
  }
})

t.test('a 200 that is an error before its first word costs nothing, unless it says what it costs', async (t) => {
  const said = new GatewayError('rate_limited', 'slow down', { upstream: { status: 429 } })
  const silent = start()
  silent.meter.answered()
  silent.exchange.error = said
  await silent.meter.finish()
  t.same(silent.records, [])

  const begun = start()
  begun.meter.answered()
  begun.meter.contentSeen()
  begun.exchange.error = said
  await begun.meter.finish()
  t.equal(begun.records.length, 1)

  const reporting = start()
  reporting.meter.answered()
  reporting.meter.watch(tally(REPORTED))
  reporting.exchange.error = said
  await reporting.meter.finish()
  t.match(reporting.records, [{ usage: REPORTED }])
})

t.test('an unpriced model is recorded at no cost and in no currency', async (t) => {
  const { meter, records } = start({ model: { ...MODEL, price: undefined } })
  meter.answered()
  meter.watch(tally(REPORTED))
  await meter.finish()
  t.match(records[0], { costNano: 0, currency: undefined })
})
