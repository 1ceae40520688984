import t from 'tap'
import { MARGIN_TOKENS, WAYS, nameOf, startLimitedGateway, startStream } from '../support/limited-gateway.ts'
import { assertRefused } from '../support/refused.ts'
import { decimalOfNano } from '../../src/core/money.ts'
import { SIDES } from '../support/scene.ts'
import type { Charge } from '../../src/simulator/reply.ts'
import type { LimitedGateway, Way } from '../support/limited-gateway.ts'
import type { TeamSettings } from '../../src/accounts/account.ts'

type Budget = NonNullable<TeamSettings['budgets']>[number]

const CAP = 40
/** So short that the cap ends every answer of the simulator's. */
const ASKED = { parameters: { max_tokens: CAP } }
/** The catalog's, for a token. */
const NANO = { input: 2_000, output: 6_000 }
const DAILY: Pick<Budget, 'id' | 'period' | 'time_zone'> = { id: 'daily', period: 'day', time_zone: 'Asia/Shanghai' }

/** What one request is charged. It depends on nothing but its prompt and its cap. */
async function chargeOf ({ team, ask, lastRequest }: LimitedGateway): Promise<Charge> {
  await ask(await team(), { surface: 'openai', stream: false }, ASKED)
  return lastRequest().charge
}

/** A midnight in Shanghai, where the days have been of one length since 1991. */
function nextMidnight (nowMs: number): string {
  const [dayMs, aheadMs] = [86_400_000, 8 * 3_600_000]
  return new Date((Math.floor((nowMs + aheadMs) / dayMs) + 1) * dayMs - aheadMs).toISOString()
}

for (const upstream of SIDES) {
  t.test(`${upstream}: a budget of tokens that is spent`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const { gateway: { simulator }, clock, team, ask, seen, admin } = limited
    const { inputTokens, outputTokens } = await chargeOf(limited)
    const amount = inputTokens + MARGIN_TOKENS + CAP
    // Where not even an answer of one token fits, this is what was missing.
    const requested = inputTokens + MARGIN_TOKENS + 1
    const used = inputTokens + outputTokens
    for (const way of WAYS) {
      const label = nameOf(way)
      const caller = await team({ budgets: [{ ...DAILY, unit: 'tokens', amount }] })
      const admitted = await ask(caller, way, ASKED)
      t.equal(admitted.status, 200, 'it is just enough for one')
      t.equal(admitted.headers.get('x-dashgate-clamped'), null)
      const figures = { scope: 'team', id: 'daily', kind: 'budget', unit: 'tokens', amount, held: 0, resets_at: nextMidnight(clock.nowMs()) }
      t.match(await seen(caller, `/requests/${admitted.headers.get('x-request-id')}`), {
        usage: { total_tokens: used }, limits: [{ ...figures, used: 0, requested: amount, remaining: amount, allows: true }]
      })
      const before = simulator.requests.length
      const refused = await ask(caller, way, ASKED)
      const limit = {
        ...figures, used, requested, remaining: amount - used, allows: false, retry_after_seconds: secondsUntil(figures.resets_at, clock.nowMs())
      }
      assertRefused(t, way.surface, refused, {
        kind: 'budget',
        message: `The budget "daily" of team "${caller.team}" has too little left: ${used} of ${amount} tokens used, 0 held by running requests, ` +
          `${requested} requested. It begins anew at `,
        limit,
        retryAfter: String(Math.min(60, limit.retry_after_seconds))
      }, label)
      t.equal(simulator.requests.length, before, 'the upstream heard nothing')
      t.match(await seen(caller, `/requests/${refused.headers.get('x-request-id')}`), { outcome: 'refused', error: 'budget_exhausted', limits: [limit] })
      t.match(await seen(caller, '/limits'), { limits: [{ ...figures, used, remaining: amount - used }] })
      t.match(await admin('GET', `/teams/${caller.team}/budgets`), { json: { data: [{ id: 'daily', amount, spent: used, held: 0, remaining: amount - used }] } })
    }
    clock.advance(86_400_000)
    await t.test('and begins anew with the next day', async (t) => {
      const way: Way = { surface: 'dashscope', stream: true }
      const caller = await team({ budgets: [{ ...DAILY, unit: 'tokens', amount }] })
      await ask(caller, way, ASKED)
      t.equal((await ask(caller, way, ASKED)).status, 429)
      clock.advance(Date.parse(nextMidnight(clock.nowMs())) - clock.nowMs() - 1)
      t.equal((await ask(caller, way, ASKED)).status, 429, 'in the last moment of the old one')
      clock.advance(1)
      t.equal((await ask(caller, way, ASKED)).status, 200, 'in the first of the new one')
    })
  })

  t.test(`${upstream}: a budget of money that is spent`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const { gateway: { simulator }, clock, team, ask, seen } = limited
    const { inputTokens, outputTokens } = await chargeOf(limited)
    const amount = decimalOfNano((inputTokens + MARGIN_TOKENS) * NANO.input + CAP * NANO.output)
    const requested = decimalOfNano((inputTokens + MARGIN_TOKENS) * NANO.input + NANO.output)
    const usedNano = inputTokens * NANO.input + outputTokens * NANO.output
    for (const way of WAYS) {
      const caller = await team({ budgets: [{ ...DAILY, unit: 'CNY', amount: Number(amount) }] })
      const admitted = await ask(caller, way, ASKED)
      t.match(await seen(caller, `/requests/${admitted.headers.get('x-request-id')}`), { cost_nano: usedNano, currency: 'CNY' })
      const before = simulator.requests.length
      const resetsAt = nextMidnight(clock.nowMs())
      assertRefused(t, way.surface, await ask(caller, way, ASKED), {
        kind: 'budget',
        message: `${decimalOfNano(usedNano)} of ${amount} CNY used, 0 held by running requests, ${requested} requested. It begins anew at `,
        limit: {
          scope: 'team',
          id: 'daily',
          kind: 'budget',
          unit: 'CNY',
          amount,
          used: decimalOfNano(usedNano),
          held: '0',
          requested,
          remaining: decimalOfNano((MARGIN_TOKENS * NANO.input) + (CAP - outputTokens) * NANO.output),
          allows: false,
          retry_after_seconds: secondsUntil(resetsAt, clock.nowMs()),
          resets_at: resetsAt
        },
        retryAfter: String(Math.min(60, secondsUntil(resetsAt, clock.nowMs())))
      }, nameOf(way))
      t.equal(simulator.requests.length, before, 'the upstream heard nothing')
    }
  })

  t.test(`${upstream}: what a running request holds is not there for another`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const { team, ask, seen } = limited
    const { inputTokens } = await chargeOf(limited)
    const amount = inputTokens + MARGIN_TOKENS + CAP
    const requested = inputTokens + MARGIN_TOKENS + 1
    for (const way of WAYS) {
      const caller = await team({ budgets: [{ id: 'all', period: 'total', unit: 'tokens', amount }] })
      const { end } = await startStream(limited, caller, ASKED.parameters)
      assertRefused(t, way.surface, await ask(caller, way, ASKED), {
        kind: 'budget',
        message: `The budget "all" of team "${caller.team}" is spent: 0 of ${amount} tokens used, ${amount} held by running requests, ` +
          `${requested} requested. It never begins anew.`,
        limit: {
          scope: 'team',
          id: 'all',
          kind: 'budget',
          unit: 'tokens',
          amount,
          used: 0,
          held: amount,
          requested,
          remaining: 0,
          allows: false,
          retry_after_seconds: null,
          resets_at: null
        },
        retryAfter: '60'
      }, nameOf(way))
      const { charge } = await end()
      const { limits: [{ used, held, remaining }] } = await seen(caller, '/limits')
      t.equal(used + remaining, amount)
      t.equal(held, 0, 'it is given back, but for what was used')
      t.ok(used >= charge.inputTokens && used <= charge.inputTokens + charge.outputTokens, 'the prompt, and what came of the answer')
    }
  })

  t.test(`${upstream}: a budget for good ends when it expires`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const { gateway: { simulator }, clock, team, ask } = limited
    const requested = (await chargeOf(limited)).inputTokens + MARGIN_TOKENS + 1
    for (const way of WAYS) {
      const expiresAt = new Date(clock.nowMs() + 10_000).toISOString()
      const caller = await team({ budgets: [{ id: 'trial', unit: 'tokens', period: 'total', amount: 1_000_000, expires_at: expiresAt }] })
      clock.advance(9_999)
      t.equal((await ask(caller, way)).status, 200, 'until its last moment it is there')
      clock.advance(1)
      const before = simulator.requests.length
      const refused = await ask(caller, way)
      assertRefused(t, way.surface, refused, {
        kind: 'budget',
        message: new RegExp(`^The budget "trial" of team "${caller.team}" expired at ${expiresAt.slice(0, 19)}`),
        limit: {
          scope: 'team',
          id: 'trial',
          kind: 'budget',
          unit: 'tokens',
          amount: 0,
          used: 0,
          held: 0,
          requested,
          remaining: 0,
          allows: false,
          retry_after_seconds: null,
          resets_at: null
        },
        retryAfter: '60'
      }, nameOf(way))
      t.equal(simulator.requests.length, before, 'the upstream heard nothing')
    }
  })
}

function secondsUntil (time: string, nowMs: number): number {
  return Math.ceil((Date.parse(time) - nowMs) / 1_000)
}
