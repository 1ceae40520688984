import t from 'tap'
import { countPrompt } from '../../src/tokens/prompt.ts'
import { MARGIN_TOKENS, MODEL, WAYS, bodyFor, nameOf, startLimitedGateway } from '../support/limited-gateway.ts'
import { assertRefused } from '../support/refused.ts'
import { SIDES } from '../support/scene.ts'
import type { LimitedGateway, Way } from '../support/limited-gateway.ts'
import type { Side } from '../support/scene.ts'

const SMALL = 'a-small-model'
const INPUT_MAX = 700
const SMALL_YAML = `models:
  - { name: ${SMALL}, targets: [{ upstream: sim, model: ${MODEL} }], context_tokens: 2000, input_tokens_max: ${INPUT_MAX}, output_tokens_max: 50, tokenizer: qwen }`

/** A budget that nothing exhausts shows what was held. */
const PLENTY = { budgets: [{ id: 'all', unit: 'tokens', period: 'total' as const, amount: 100_000_000 }] }
const TOOLS = [{
  type: 'function',
  function: { name: 'get_weather', description: 'The weather of a city', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }
}]
/** What the service puts around tools, beside the margin of every prompt. */
const TOOLS_TOKENS = 128
const THINKING_MODEL = 'qwen-plus'
const THINKING_MAX = 81_920

/** A text whose prompt has exactly so many tokens. */
function contentOf (tokens: number): string {
  const countOf = (words: number): number => countPrompt({ messages: [{ role: 'user', content: 'word '.repeat(words) }] })
  const words = tokens - countOf(0)
  for (let more = 0; more < 10; more++) if (countOf(words - more) === tokens) return 'word '.repeat(words - more)
  throw new RangeError(`no such text has ${tokens} tokens`)
}

async function heldFor ({ team, ask, seen }: LimitedGateway, way: Way, asked: object): Promise<number> {
  const caller = await team(PLENTY)
  const reply = await ask(caller, way, asked)
  if (reply.status !== 200) throw new Error(`${nameOf(way)}: ${reply.text}`)
  const { limits: [{ requested }] } = await seen(caller, `/requests/${reply.headers.get('x-request-id')}`)
  return requested
}

function capUpstream ({ lastRequest }: LimitedGateway, upstream: Side): unknown {
  const body = lastRequest().json as any
  return (upstream === 'openai' ? body : body.parameters).max_tokens
}

for (const upstream of SIDES) {
  t.test(`${upstream}: a cap above the model's is refused in the vendor's words`, async (t) => {
    const { gateway: { simulator }, team, ask } = await startLimitedGateway(t, upstream)
    for (const way of WAYS) {
      for (const max of [8_193, 0]) {
        assertRefused(t, way.surface, await ask(await team(PLENTY), way, { parameters: { max_tokens: max } }), {
          kind: 'impossible',
          message: 'Range of max_tokens should be [1, 8192]',
          limit: undefined,
          retryAfter: null,
          param: 'max_tokens'
        }, `${nameOf(way)} ${max}`)
      }
    }
    t.equal(simulator.requests.length, 0, 'the upstream heard nothing')
  })

  t.test(`${upstream}: or lowered, where that is the policy, and then held as it goes up`, async (t) => {
    const limited = await startLimitedGateway(t, upstream, { yaml: 'policies: { output_over_cap: clamp }' })
    const { team, ask, lastRequest } = limited
    for (const way of WAYS) {
      const path = way.surface === 'openai' ? 'max_tokens' : 'parameters.max_tokens'
      const reply = await ask(await team(PLENTY), way, { parameters: { max_tokens: 100_000 } })
      t.equal(reply.headers.get('x-dashgate-clamped'), `${path}=8192`, nameOf(way))
      t.equal(capUpstream(limited, upstream), 8_192)
      const prompt = lastRequest().charge.inputTokens + MARGIN_TOKENS
      t.equal(await heldFor(limited, way, { parameters: { max_tokens: 100_000 } }), prompt + 8_192)
      const poor = await team({ budgets: [{ id: 'all', unit: 'tokens', period: 'total', amount: prompt + 30 }] })
      const both = await ask(poor, way, { parameters: { max_tokens: 100_000 } })
      t.equal(both.headers.get('x-dashgate-clamped'), `${path}=30`, 'a budget lowers it further')
      t.equal(capUpstream(limited, upstream), 30)
    }
  })

  t.test(`${upstream}: a prompt above the model's cap is refused, but for what the service may count otherwise`, async (t) => {
    const { gateway: { simulator }, team, ask, lastRequest } = await startLimitedGateway(t, upstream, { yaml: SMALL_YAML })
    for (const way of WAYS) {
      const caller = await team(PLENTY)
      for (const tokens of [INPUT_MAX, INPUT_MAX + MARGIN_TOKENS]) {
        t.equal((await ask(caller, way, { model: SMALL, content: contentOf(tokens) })).status, 200, `${nameOf(way)} ${tokens}`)
        t.equal(lastRequest().charge.inputTokens, tokens)
      }
      const before = simulator.requests.length
      assertRefused(t, way.surface, await ask(caller, way, { model: SMALL, content: contentOf(INPUT_MAX + MARGIN_TOKENS + 1) }), {
        kind: 'impossible', message: `Range of input length should be [1, ${INPUT_MAX}]`, limit: undefined, retryAfter: null
      }, nameOf(way))
      t.equal(simulator.requests.length, before, 'the upstream heard nothing')
    }
  })

  t.test(`${upstream}: what the service adds to tools is held too`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    for (const way of WAYS) {
      const parameters = { max_tokens: 100, tools: TOOLS }
      const held = await heldFor(limited, way, { parameters })
      const { messages } = bodyFor({ surface: 'openai', stream: false }) as { messages: { role: string, content: string }[] }
      const counted = countPrompt({ messages, tools: TOOLS })
      t.equal(limited.lastRequest().charge.inputTokens, counted, nameOf(way))
      t.equal(held, counted + MARGIN_TOKENS + TOOLS_TOKENS + 100)
    }
  })

  t.test(`${upstream}: the thinking before an answer is held beside it`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const { team, ask, lastRequest } = limited
    for (const way of WAYS) {
      const heldWith = (parameters: object): Promise<number> => heldFor(limited, way, { model: THINKING_MODEL, parameters: { max_tokens: 50, ...parameters } })
      const plain = await heldWith({})
      t.equal(plain, lastRequest().charge.inputTokens + MARGIN_TOKENS + 50, `${nameOf(way)}: it does not think unasked`)
      t.equal(await heldWith({ enable_thinking: false }), plain)
      t.equal(await heldWith({ enable_thinking: true }), plain + THINKING_MAX, 'at its longest')
      t.equal(await heldWith({ enable_thinking: true, thinking_budget: 300 }), plain + 300, 'or as long as it may get')
      const parameters = { max_tokens: 50, enable_thinking: true, thinking_budget: 300 }
      const poor = await team({ budgets: [{ id: 'all', unit: 'tokens', period: 'total', amount: plain + 280 }] })
      const shortened = await ask(poor, way, { model: THINKING_MODEL, parameters })
      t.match(shortened.headers.get('x-dashgate-clamped'), /max_tokens=30$/, 'the answer is what gets shorter')
      t.match(lastRequest().body.toString(), /"thinking_budget":300/)
      const before = limited.gateway.simulator.requests.length
      const poorer = await team({ budgets: [{ id: 'all', unit: 'tokens', period: 'total', amount: plain - 50 + 300 }] })
      t.equal((await ask(poorer, way, { model: THINKING_MODEL, parameters })).status, 429, 'and where nothing is left of it, it is refused')
      t.equal(limited.gateway.simulator.requests.length, before, 'the upstream heard nothing')
    }
  })
}
