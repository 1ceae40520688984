import t from 'tap'
import type { Test } from 'tap'
import { MARGIN_TOKENS, MODEL, WAYS, nameOf, startLimitedGateway } from '../support/limited-gateway.ts'
import { assertRefused } from '../support/refused.ts'
import { decimalOfNano } from '../../src/core/money.ts'
import { SIDES } from '../support/scene.ts'
import type { Asked, LimitedGateway, Way } from '../support/limited-gateway.ts'
import type { Side } from '../support/scene.ts'
import type { TeamSettings } from '../../src/accounts/account.ts'

/** So long an answer is left room for. */
const FIT = 25
const NANO = { input: 2_000, output: 6_000 }

function budgetOf (amount: number, unit = 'tokens'): TeamSettings {
  return { budgets: [{ id: 'all', unit, period: 'total', amount }] }
}

/** What the prompt is held as. It depends on nothing but its words. */
async function promptHeld ({ team, ask, lastRequest }: LimitedGateway, asked: Asked = {}): Promise<number> {
  await ask(await team(), { surface: 'openai', stream: false }, asked)
  return lastRequest().charge.inputTokens + MARGIN_TOKENS
}

/** The caps that went up, by name. */
function capsUpstream ({ lastRequest }: LimitedGateway, upstream: Side): Record<string, unknown> {
  const body = lastRequest().json as any
  const { max_tokens: answer, max_completion_tokens: completion } = upstream === 'openai' ? body : body.parameters
  return { ...(answer === undefined ? {} : { max_tokens: answer }), ...(completion === undefined ? {} : { max_completion_tokens: completion }) }
}

function clamped ({ surface }: Way, name: string, tokens: number): string {
  return `${surface === 'openai' ? '' : 'parameters.'}${name}=${tokens}`
}

/** Longer than any request of this test is let: the cap is what matters, and a client may leave it to the model. */
const LONG: readonly object[] = [{ max_tokens: 1_000 }, {}]

for (const upstream of SIDES) {
  t.test(`${upstream}: an answer is made to fit what is left of a budget`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const held = await promptHeld(limited)
    const settings = [budgetOf(held + FIT), budgetOf(Number(decimalOfNano(held * NANO.input + FIT * NANO.output + NANO.output - 1)), 'CNY')]
    for (const way of WAYS) {
      for (const parameters of LONG) {
        for (const setting of settings) await assertFits(t, limited, { way, upstream, setting, parameters })
      }
    }
  })

  t.test(`${upstream}: and what a rate can hold at all`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const held = await promptHeld(limited)
    for (const way of WAYS) {
      for (const parameters of LONG) await assertFits(t, limited, { way, upstream, setting: { tokens_per_minute: held + FIT }, parameters })
    }
  })

  t.test(`${upstream}: what fits is left alone, to the last token`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const { team, ask } = limited
    const held = await promptHeld(limited)
    for (const way of WAYS) {
      const reply = await ask(await team({ ...budgetOf(held + FIT), tokens_per_minute: held + FIT }), way, { parameters: { max_tokens: FIT } })
      t.equal(reply.status, 200)
      t.equal(reply.headers.get('x-dashgate-clamped'), null)
      t.same(capsUpstream(limited, upstream), { max_tokens: FIT }, nameOf(way))
    }
  })

  t.test(`${upstream}: several choices share what is left`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const { team, ask, seen, lastRequest } = limited
    const held = await promptHeld(limited)
    for (const way of WAYS) {
      const caller = await team(budgetOf(held + 3 * FIT + 2))
      const reply = await ask(caller, way, { parameters: { max_tokens: 1_000, n: 3 } })
      t.equal(reply.headers.get('x-dashgate-clamped'), clamped(way, 'max_tokens', FIT), nameOf(way))
      t.same(capsUpstream(limited, upstream), { max_tokens: FIT })
      const record = await seen(caller, `/requests/${reply.headers.get('x-request-id')}`)
      t.match(record, { limits: [{ requested: held + 3 * FIT }] })
      t.equal(record.usage.output_tokens, lastRequest().charge.outputTokens)
      t.ok(record.usage.output_tokens <= 3 * FIT && record.usage.output_tokens > 2 * FIT, 'all three were answered, up to their cap')
    }
  })

  t.test(`${upstream}: whatever the client calls its cap, nothing above what is granted goes up`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const { team, ask } = limited
    const held = await promptHeld(limited)
    for (const way of WAYS) {
      const caps: readonly object[] = [{ max_completion_tokens: 1_000 }, { max_tokens: 500, max_completion_tokens: 1_000 }, { max_tokens: 1_000, max_completion_tokens: 500 }]
      for (const parameters of caps) {
        const reply = await ask(await team(budgetOf(held + FIT)), way, { parameters })
        t.equal(reply.status, 200)
        t.match(reply.headers.get('x-dashgate-clamped'), new RegExp(`max_(completion_)?tokens=${FIT}$`))
        const sent = Object.values(capsUpstream(limited, upstream))
        t.ok(sent.length > 0 && sent.every((tokens) => tokens === FIT), `${nameOf(way)} ${JSON.stringify(parameters)}: ${JSON.stringify(sent)}`)
      }
    }
  })

  t.test(`${upstream}: under budget_fit: reject it is refused with all that it asked for`, async (t) => {
    const limited = await startLimitedGateway(t, upstream, { yaml: 'policies: { budget_fit: reject }' })
    const { gateway: { simulator }, clock, team, ask } = limited
    const held = await promptHeld(limited)
    const figures = { scope: 'team', used: 0, held: 0, requested: held + 1_000, allows: false, unit: 'tokens', retry_after_seconds: null }
    for (const way of WAYS) {
      const before = simulator.requests.length
      const poor = await team(budgetOf(held + FIT))
      assertRefused(t, way.surface, await ask(poor, way, { parameters: { max_tokens: 1_000 } }), {
        kind: 'budget',
        message: `the budget "all" of team "${poor.team}" is ${held + FIT} tokens in all: lower max_tokens or shorten the prompt.`,
        limit: { ...figures, id: 'all', kind: 'budget', amount: held + FIT, remaining: held + FIT, resets_at: null },
        retryAfter: '60'
      }, nameOf(way))
      const slow = await team({ tokens_per_minute: held + FIT })
      assertRefused(t, way.surface, await ask(slow, way, { parameters: { max_tokens: 1_000 } }), {
        kind: 'impossible',
        message: `lets at most ${held + FIT} through at once: lower max_tokens or shorten the prompt.`,
        limit: {
          ...figures, id: 'tokens_per_minute', kind: 'rate', amount: held + FIT, remaining: held + FIT, resets_at: new Date(clock.nowMs()).toISOString()
        },
        retryAfter: null,
        rateHeaders: { 'limit-tokens': String(held + FIT), 'remaining-tokens': String(held + FIT), 'reset-tokens': '0s' }
      }, nameOf(way))
      t.equal(simulator.requests.length, before, 'the upstream heard nothing')
    }
  })
}

interface Fitting { readonly way: Way, readonly upstream: Side, readonly setting: TeamSettings, readonly parameters: object }

async function assertFits (t: Test, limited: LimitedGateway, { way, upstream, setting, parameters }: Fitting): Promise<void> {
  const { team, ask, seen, admin, lastRequest } = limited
  const caller = await team(setting)
  const label = `${nameOf(way)} ${JSON.stringify(setting)} ${JSON.stringify(parameters)}`
  const reply = await ask(caller, way, { parameters })
  t.equal(reply.status, 200, label)
  t.equal(reply.headers.get('x-dashgate-clamped'), clamped(way, 'max_tokens', FIT), 'the client is told')
  t.same(capsUpstream(limited, upstream), { max_tokens: FIT }, 'and so is the upstream')
  t.match(reply.text, /"finish_reason":"length"/)
  const { inputTokens, outputTokens } = lastRequest().charge
  t.match(await seen(caller, `/requests/${reply.headers.get('x-request-id')}`), { outcome: 'completed', usage: { input_tokens: inputTokens, output_tokens: outputTokens } })
  const fresh = await team(setting)
  const { json: { output_tokens_fit: fit } } = await admin('POST', '/explain', { team: fresh.team, model: MODEL, input_tokens: inputTokens })
  t.equal(fit, FIT, 'as whoever asked beforehand was told')
}
