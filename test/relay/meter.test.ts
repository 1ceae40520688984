import t from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { NO_USAGE } from '../../src/core/usage.ts'
import { createMeter } from '../../src/relay/meter.ts'
import { TokenCounterError } from '../../src/tokens/counter.ts'
import { TARGET } from './fakes.ts'
import { MODEL, openScene } from './calls.ts'
import { createOpenLimiter } from '../support/open-limiter.ts'
import { tierOf } from '../support/prices.ts'
import type { AdmissionRequest } from '../../src/limits/limiter.ts'
import type { DatedPrice } from '../../src/core/catalog.ts'
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

async function start ({ failure, model = MODEL }: { failure?: Error, model?: typeof MODEL } = {}) {
  const scene = openScene({ model })
  const limiter = createOpenLimiter()
  const { records } = limiter
  const meter = createMeter(scene.exchange, { clock: scene.clock, tokens: counterOf(failure) })
  scene.exchange.target = TARGET
  const admission = await limiter.admit({} as AdmissionRequest)
  if (admission.status === 'admitted') scene.exchange.admission = admission
  return { ...scene, limiter, records, meter, endings: limiter.endings }
}

const tally = (usage: Usage | undefined, text = '', thoughts = '') => ({
  usage: () => usage,
  transcripts: () => [{ text: thoughts === '' ? text : `<think>\n${thoughts}\n</think>\n\n${text}`, isFramed: thoughts !== '' }],
  hasThoughts: thoughts !== '',
  outputBytes: () => Buffer.byteLength(text)
})

t.test('settles once, with what the upstream reported', async (t) => {
  const { meter, records, exchange, clock } = await start()
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
  const { meter, records } = await start()
  meter.answered()
  meter.watch(tally(undefined, 'abc'))
  await meter.finish()
  t.match(records[0]?.usage, { inputTokens: 10, outputTokens: 3, source: 'estimated' })
})

t.test('does not count a prompt again, nor an answer that never began', async (t) => {
  const { meter, records, exchange } = await start({ failure: new Error('must not be asked') })
  exchange.inputTokensCounted = 77
  meter.answered()
  await meter.finish()
  t.match(records[0]?.usage, { inputTokens: 77, outputTokens: 0, source: 'estimated' })
})

t.test('counts what was thought of an answer as well, where nothing was reported of it', async (t) => {
  const counted = await start()
  counted.meter.answered()
  counted.meter.watch(tally(undefined, 'abc', 'hmm..'))
  await counted.meter.finish()
  t.match(counted.records[0]?.usage, { outputTokens: 'hmm..abc'.length + '<think>\n\n</think>\n\n'.length, reasoningTokens: 5, source: 'estimated' })

  const unreported: Usage = { ...REPORTED, outputTokens: 30, reasoningTokens: 0 }
  for (const [thoughts, reasoningTokens] of [['', 0], ['hmm..', 5], ['h'.repeat(100), 30]] as const) {
    const { meter, records } = await start()
    meter.answered()
    meter.watch(tally(unreported, 'abc', thoughts))
    await meter.finish()
    t.same(records[0]?.usage, { ...unreported, reasoningTokens }, `${thoughts.length} letters`)
  }
})

t.test('an answer that thought costs the price for these', async (t) => {
  const [plain] = MODEL.prices
  const { meter, records } = await start({ model: { ...MODEL, prices: [{ ...plain as DatedPrice, tiers: [{ ...tierOf(1_000_000, 2, 6), reasoningOutputNanoPerToken: 24 }] }] } })
  meter.answered()
  meter.watch(tally({ ...REPORTED, reasoningTokens: 0 }, 'abc', 'h'))
  await meter.finish()
  t.match(records, [{ usage: { reasoningTokens: 1 }, costNano: 10 * 2 + 5 * 24 }])
})

t.test('takes the bytes for tokens where it cannot count', async (t) => {
  const failures = [new TokenCounterError('busy'), new GatewayError('unsupported_parameter', 'a role only one protocol has')]
  for (const failure of failures) {
    const { meter, records, call } = await start({ failure })
    meter.answered()
    meter.watch(tally(undefined, '你好'))
    await meter.finish()
    t.match(records[0]?.usage, { inputTokens: call.body.bytes.length, outputTokens: 6, source: 'estimated' })
  }
})

t.test('says how the exchange ended', async (t) => {
  const outcomes = { completed: undefined, failed: 'upstream_protocol', client_closed: 'client_closed' } as const
  for (const [outcome, kind] of Object.entries(outcomes)) {
    const { meter, records, exchange } = await start()
    meter.answered()
    exchange.error = kind === undefined ? undefined : new GatewayError(kind, 'x')
    await meter.finish()
    t.match(records[0], { outcome, errorKind: kind })
    t.equal(exchange.outcome, outcome)
  }
})

t.test('a request that no upstream has taken costs nothing', async (t) => {
  const refused = await start()
  refused.exchange.error = new GatewayError('rate_limited', 'slow down')
  await refused.meter.finish()
  t.match(refused.records, [{ outcome: 'failed', errorKind: 'rate_limited', usage: NO_USAGE, costNano: 0, attempt: 1, superseded: false }])
  const early = await start()
  early.exchange.target = undefined
  early.exchange.error = new GatewayError('client_closed', 'gone')
  await early.meter.finish()
  t.match(early.records, [{ outcome: 'client_closed', status: 499, upstream: '', usage: NO_USAGE, costNano: 0 }])
  t.equal(early.exchange.outcome, 'client_closed')
})

t.test('one that was sent and never heard of again has cost its prompt', async (t) => {
  for (const kind of ['upstream_timeout', 'client_closed'] as const) {
    const { meter, records, exchange } = await start()
    exchange.sent = true
    exchange.error = new GatewayError(kind, 'x')
    await meter.finish()
    t.match(records, [{ errorKind: kind, usage: { inputTokens: 10, outputTokens: 0, source: 'estimated' } }])
  }
})

t.test('a 200 that is an error before its first word costs nothing, unless it says what it costs', async (t) => {
  const said = new GatewayError('rate_limited', 'slow down', { upstream: { status: 429 } })
  const silent = await start()
  silent.meter.answered()
  silent.exchange.error = said
  await silent.meter.finish()
  t.match(silent.records, [{ usage: NO_USAGE, costNano: 0 }])

  const begun = await start()
  begun.meter.answered()
  begun.meter.contentSeen()
  begun.exchange.error = said
  await begun.meter.finish()
  t.equal(begun.records.length, 1)

  const reporting = await start()
  reporting.meter.answered()
  reporting.meter.watch(tally(REPORTED))
  reporting.exchange.error = said
  await reporting.meter.finish()
  t.match(reporting.records, [{ usage: REPORTED }])
})

t.test('an unpriced model is recorded at no cost and in no currency', async (t) => {
  const { meter, records } = await start({ model: { ...MODEL, prices: [] } })
  meter.answered()
  meter.watch(tally(REPORTED))
  await meter.finish()
  t.match(records[0], { costNano: 0, currency: undefined })
})

t.test('what is held is settled where it cost something, and given back where it did not', async (t) => {
  const charged = await start()
  charged.meter.answered()
  charged.meter.watch(tally(REPORTED))
  await charged.meter.finish()
  t.same(charged.endings, ['settled'])
  const free = await start()
  free.exchange.error = new GatewayError('upstream_failed', 'refused')
  await free.meter.finish()
  await free.meter.finish()
  t.equal(free.records.length, 1)
  t.same(free.endings, ['released'])
  const unadmitted = await start()
  unadmitted.exchange.admission = undefined
  await unadmitted.meter.finish()
  t.same(unadmitted.endings, [])
})

t.test('where it cannot be known what was used, the hold is left to run out', async (t) => {
  const { meter, endings } = await start({ failure: new RangeError('a bug') })
  meter.answered()
  await t.rejects(meter.finish(), RangeError)
  t.same(endings, ['abandoned'])
})

t.test('an answer that was cut is recorded as such', async (t) => {
  const { meter, records, exchange } = await start()
  exchange.cut = true
  meter.answered()
  meter.watch(tally(undefined, 'abc'))
  await meter.finish()
  t.match(records, [{ outcome: 'cut', errorKind: undefined }])
})

t.test('an answer is past its hold only where something is held and something was seen', async (t) => {
  const { meter, exchange } = await start()
  t.equal(meter.pastHold(), false)
  meter.watch(tally({ ...REPORTED, outputTokens: 1_000 }, 'x'.repeat(1_000)))
  t.equal(meter.pastHold(), false)
  if (exchange.admission !== undefined) exchange.admission = { ...exchange.admission, outputTokensHeld: 100 }
  t.equal(meter.pastHold(), true)
})

t.test('an answer that had begun and cannot be read is charged what was held for it', async (t) => {
  const { meter, records, exchange } = await start()
  if (exchange.admission !== undefined) exchange.admission = { ...exchange.admission, outputTokensHeld: 500 }
  meter.answered()
  exchange.error = new GatewayError('upstream_failed', 'reset')
  await meter.finish()
  t.match(records, [{ usage: { inputTokens: 10, outputTokens: 500, source: 'estimated' } }])
})

t.test('pictures cannot be counted: they are estimated at what was held for them', async (t) => {
  const { meter, records, exchange, opened } = await start()
  exchange.opened = { ...opened, envelope: { ...opened.envelope, media: { pictures: 1, others: 0 } } }
  exchange.inputTokensHeld = 16_500
  meter.answered()
  meter.watch(tally(undefined, 'abc'))
  await meter.finish()
  t.match(records, [{ usage: { inputTokens: 16_500, outputTokens: 3, source: 'estimated' } }])
})

t.test('an estimate may be as long as what was held, thinking included', async (t) => {
  const { meter, records, exchange } = await start()
  if (exchange.admission !== undefined) exchange.admission = { ...exchange.admission, outputTokensHeld: 20_000 }
  meter.answered()
  meter.watch(tally(undefined, 'x'.repeat(15_000)))
  await meter.finish()
  t.match(records, [{ usage: { outputTokens: 15_000 } }])
})

t.test('a try of which no word came back has a record of its own, and the one after it another', async (t) => {
  const { meter, records, exchange, endings, limiter } = await start()
  exchange.sent = true
  exchange.attempts = 1
  await meter.supersede(new GatewayError('upstream_failed', 'reset'))
  exchange.admission = limiter.unheld({} as AdmissionRequest)
  exchange.target = { ...TARGET, model: 'another', upstream: { ...TARGET.upstream, name: 'spare' } }
  exchange.attempts = 2
  exchange.upstreamRequestId = 'up-2'
  meter.answered()
  meter.watch(tally(REPORTED))
  await meter.finish()
  t.same(endings, ['settled', 'settled'])
  t.match(records, [
    {
      attempt: 1,
      superseded: true,
      attempts: 1,
      upstream: 'up',
      upstreamModel: 'qwen-coder-turbo',
      upstreamRequestId: undefined,
      outcome: 'failed',
      errorKind: 'upstream_failed',
      status: 502,
      usage: { inputTokens: 10, outputTokens: 0, source: 'estimated' },
      costNano: 20
    },
    { attempt: 2, superseded: false, attempts: 2, upstream: 'spare', upstreamModel: 'another', upstreamRequestId: 'up-2', outcome: 'completed', errorKind: undefined, status: 200, usage: REPORTED }
  ])
})

t.test('what an upstream refuses after a silent try costs nothing more', async (t) => {
  const { meter, records, exchange, endings, limiter } = await start()
  exchange.sent = true
  await meter.supersede(new GatewayError('upstream_failed', 'reset'))
  exchange.admission = limiter.unheld({} as AdmissionRequest)
  exchange.error = new GatewayError('upstream_auth', 'no such key', { upstream: { status: 401 } })
  await meter.finish()
  t.same(endings, ['settled', 'released'])
  t.match(records, [{ superseded: true }, { superseded: false, outcome: 'failed', errorKind: 'upstream_auth', usage: NO_USAGE, costNano: 0 }])
})

t.test('an attempt that is not followed by another after all is not charged a second time', async (t) => {
  const { meter, records, exchange, limiter } = await start()
  const silence = exchange.error = new GatewayError('upstream_failed', 'reset')
  exchange.sent = true
  await meter.supersede(silence)
  exchange.admission = limiter.unheld({} as AdmissionRequest)
  await meter.finish()
  t.match(records, [{ attempt: 1, superseded: true, usage: { inputTokens: 10 } }, { attempt: 2, superseded: false, usage: NO_USAGE, costNano: 0, errorKind: 'upstream_failed' }])
})

t.test('the status is the one the client got, or would have', async (t) => {
  const left = new GatewayError('client_closed', 'left')
  const failed = new GatewayError('upstream_failed', 'cut')
  const cases = [[200, undefined, 200], [200, left, 200], [200, failed, 200], [undefined, left, 499], [400, new GatewayError('invalid_request', 'no'), 400], [undefined, undefined, 200]] as const
  for (const [sent, error, status] of cases) {
    const { meter, records, exchange, reply } = await start()
    reply.status = sent
    exchange.error = error
    await meter.finish()
    t.match(records, [{ status }])
  }
})
