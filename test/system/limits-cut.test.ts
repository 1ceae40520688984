import t from 'tap'
import { countPrompt } from '../../src/tokens/prompt.ts'
import { countText } from '../../src/tokens/count.ts'
import { CONTENT, MARGIN_TOKENS, nameOf, startLimitedGateway } from '../support/limited-gateway.ts'
import { SIDES } from '../support/scene.ts'
import { startRunaway } from '../support/runaway-upstream.ts'
import type { LimitedGateway, Way } from '../support/limited-gateway.ts'
import type { Reply } from '../support/http.ts'
import type { RunawayOptions } from '../support/runaway-upstream.ts'
import type { Side } from '../support/scene.ts'
import type { Test } from 'tap'

const CAP = 50
const INPUT_TOKENS = countPrompt({ messages: [{ role: 'user', content: CONTENT }] })
const PIECES = 100_000
const BUDGET = { budgets: [{ id: 'all', unit: 'tokens', period: 'total' as const, amount: 10_000 }] }
const RUNNING: RunawayOptions = { pieces: PIECES, usage: 'running', inputTokens: INPUT_TOKENS }

/** Between two counts an answer gets so many bytes further, and whatever came with the last of them. */
const COUNTED_EVERY_BYTES = 256
const CHUNK_BYTES_MAX = 65_536

interface Telling { readonly text: string, readonly finishes: string[], readonly usage: any, readonly isEnded: boolean }

/** What a client makes of a stream, or of an answer in one piece. */
function toldBy ({ surface, stream }: Way, reply: Reply, parameters: object = {}): Telling {
  const documents: any[] = stream
    ? reply.events.map(({ data }) => data).filter((data) => data !== undefined && data !== '[DONE]').map((data) => JSON.parse(data ?? ''))
    : [reply.json]
  const choices = documents.flatMap((document) => (surface === 'openai' ? document : document.output).choices ?? [])
  const texts = choices.map((choice) => (choice.delta ?? choice.message).content ?? '')
  const isCumulative = 'incremental_output' in parameters && parameters.incremental_output === false
  return {
    text: isCumulative ? texts.at(-1) : texts.join(''),
    finishes: choices.map(({ finish_reason: reason }) => reason).filter((reason) => reason !== null && reason !== 'null' && reason !== undefined),
    usage: documents.at(-1).usage,
    isEnded: !stream || surface === 'dashscope' || reply.text.endsWith('data: [DONE]\n\n')
  }
}

interface Case { readonly way: Way, readonly source: 'reported' | 'estimated', readonly parameters?: object }

/** One answer that has no end of its own: where it is ended, what is said of it, and what is paid. */
async function assertCut (t: Test, { team, ask, seen }: LimitedGateway, { way, source, parameters = {} }: Case): Promise<Telling> {
  const label = `${nameOf(way)} ${JSON.stringify(parameters)}`
  const caller = await team(BUDGET)
  const reply = await ask(caller, way, { parameters: { max_tokens: CAP, ...parameters } })
  t.equal(reply.status, 200, label)
  const told = toldBy(way, reply, parameters)
  t.same(told.finishes, ['length'], 'it ends where it was to end')
  t.ok(told.isEnded)
  const words = countText(told.text)
  t.ok(words > CAP + MARGIN_TOKENS, 'not before it was past all doubt')
  t.ok(words <= CAP + MARGIN_TOKENS + Math.ceil((COUNTED_EVERY_BYTES + CHUNK_BYTES_MAX) / 5), `and soon after: ${words}`)
  const record = await seen(caller, `/requests/${reply.headers.get('x-request-id')}`)
  t.match(record, { outcome: 'cut', error: null, usage: { input_tokens: INPUT_TOKENS, output_tokens: words, source } }, 'what the client got is what is charged')
  t.match(await seen(caller, '/limits'), { limits: [{ used: INPUT_TOKENS + words, held: 0 }] })
  return told
}

const STREAMS: readonly Way[] = [{ surface: 'openai', stream: true }, { surface: 'dashscope', stream: true }]

for (const upstream of SIDES) {
  t.test(`${upstream}: a stream that runs on past its cap is cut`, async (t) => {
    const runaway = await startRunaway(t, RUNNING)
    const limited = await startLimitedGateway(t, upstream, { upstreamOrigin: runaway.origin })
    for (const way of STREAMS) await assertCut(t, limited, { way, source: upstream === 'dashscope' ? 'reported' : 'estimated' })
    await assertCut(t, limited, { way: { surface: 'dashscope', stream: true }, source: upstream === 'dashscope' ? 'reported' : 'estimated', parameters: { incremental_output: false } })
    t.same(runaway.endings, ['hung up on', 'hung up on', 'hung up on'], 'the upstream is hung up on')
  })

  t.test(`${upstream}: one that is gathered for a client without a stream is cut too`, async (t) => {
    const runaway = await startRunaway(t, RUNNING)
    const limited = await startLimitedGateway(t, upstream, { upstreamOrigin: runaway.origin, upstreamYaml: 'quirks: { stream_only: true }' })
    for (const surface of SIDES) {
      await assertCut(t, limited, { way: { surface, stream: false }, source: upstream === 'dashscope' ? 'reported' : 'estimated' })
    }
    t.same(runaway.endings, ['hung up on', 'hung up on'])
  })

  t.test(`${upstream}: an answer in one piece cannot be cut, and is charged as it is`, async (t) => {
    const { origin } = await startRunaway(t, { ...RUNNING, pieces: 400 })
    const { team, ask, seen } = await startLimitedGateway(t, upstream, { upstreamOrigin: origin })
    for (const surface of SIDES) {
      const amount = INPUT_TOKENS + MARGIN_TOKENS + CAP
      const caller = await team({ budgets: [{ id: 'all', unit: 'tokens', period: 'total', amount }] })
      const reply = await ask(caller, { surface, stream: false }, { parameters: { max_tokens: CAP } })
      t.match(await seen(caller, `/requests/${reply.headers.get('x-request-id')}`), { outcome: 'completed', usage: { output_tokens: 400 } })
      t.match(await seen(caller, '/limits'), { limits: [{ amount, used: INPUT_TOKENS + 400, held: 0, remaining: 0 }] }, 'more than there was, which is not hidden')
      t.equal((await ask(caller, { surface, stream: false }, { parameters: { max_tokens: 1 } })).status, 429)
    }
  })

  t.test(`${upstream}: nobody is cut where nothing is held`, async (t) => {
    const { origin, endings } = await startRunaway(t, { ...RUNNING, pieces: 400 })
    const { team, ask, seen } = await startLimitedGateway(t, upstream, { upstreamOrigin: origin })
    for (const way of STREAMS) {
      const caller = await team()
      const reply = await ask(caller, way, { parameters: { max_tokens: CAP } })
      t.same(toldBy(way, reply).finishes, ['stop'], nameOf(way))
      t.match(await seen(caller, `/requests/${reply.headers.get('x-request-id')}`), { outcome: 'completed', usage: { output_tokens: 400 } })
    }
    t.same(endings, ['done', 'done'])
  })
}

t.test('an upstream that says nothing of usage before the end is counted', async (t) => {
  const { origin } = await startRunaway(t, { ...RUNNING, usage: 'last' })
  const limited = await startLimitedGateway(t, 'dashscope', { upstreamOrigin: origin })
  for (const way of STREAMS) await assertCut(t, limited, { way, source: 'estimated' })
})

t.test('the last frame of a native stream that was cut has the usage so far, as every frame has', async (t) => {
  const { origin } = await startRunaway(t, RUNNING)
  const limited = await startLimitedGateway(t, 'dashscope', { upstreamOrigin: origin })
  const told = await assertCut(t, limited, { way: { surface: 'dashscope', stream: true }, source: 'reported' })
  t.match(told.usage, { input_tokens: INPUT_TOKENS, output_tokens: countText(told.text) })
  const openai = await assertCut(t, limited, { way: { surface: 'openai', stream: true }, source: 'reported', parameters: { stream_options: { include_usage: true } } })
  t.match(openai.usage, { prompt_tokens: INPUT_TOKENS, completion_tokens: countText(openai.text) }, 'and so has a client that asked for it')
})

const MANY: Readonly<Record<Side, Side>> = { openai: 'dashscope', dashscope: 'openai' }

t.test('several choices are cut together, or fail where nobody can be told which', async (t) => {
  for (const upstream of SIDES) {
    const { origin } = await startRunaway(t, RUNNING)
    const { team, ask, seen } = await startLimitedGateway(t, upstream, { upstreamOrigin: origin })
    const asked = { parameters: { max_tokens: CAP, n: 2 } }
    const translated: Way = { surface: MANY[upstream], stream: true }
    const first = await team(BUDGET)
    const reply = await ask(first, translated, asked)
    t.same(toldBy(translated, reply).finishes, ['length', 'length'], nameOf(translated))
    t.match(await seen(first, `/requests/${reply.headers.get('x-request-id')}`), { outcome: 'cut', error: null })
    const second = await team(BUDGET)
    const relayed = await ask(second, { surface: upstream, stream: true }, asked)
    t.match(relayed.text, /The upstream went on past the length it was given\./, `${upstream} relayed`)
    t.notMatch(relayed.text, /\[DONE\]|"finish_reason":"(?!null)/)
    const record = await seen(second, `/requests/${relayed.headers.get('x-request-id')}`)
    t.match(record, { outcome: 'cut', error: 'upstream_protocol' })
    t.match(await seen(second, '/limits'), { limits: [{ used: record.usage.total_tokens, held: 0 }] })
  }
})
