import t from 'tap'
import { MARGIN_TOKENS, MODEL, WAYS, nameOf, startLimitedGateway, startStream } from '../support/limited-gateway.ts'
import { SIDES } from '../support/scene.ts'
import { assertRateHeaders, assertRefused } from '../support/refused.ts'

const RATE = { scope: 'team', kind: 'rate', held: 0, allows: false }

for (const upstream of SIDES) {
  t.test(`${upstream}: requests a minute`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const { gateway: { simulator }, clock, team, ask, seen } = limited
    for (const way of WAYS) {
      const label = nameOf(way)
      const caller = await team({ requests_per_minute: { limit: 60, burst: 2 } })
      for (const [remaining, reset] of [['1', '1s'], ['0', '2s']] as const) {
        const reply = await ask(caller, way)
        t.equal(reply.status, 200)
        assertRateHeaders(t, reply, { 'limit-requests': '60', 'remaining-requests': remaining, 'reset-requests': reset }, label)
      }
      const before = simulator.requests.length
      const refused = await ask(caller, way)
      const limit = {
        ...RATE,
        id: 'requests_per_minute',
        unit: 'requests',
        amount: 60,
        used: 2,
        requested: 1,
        remaining: 0,
        retry_after_seconds: 1,
        resets_at: new Date(clock.nowMs() + 2_000).toISOString()
      }
      assertRefused(t, way.surface, refused, {
        kind: 'rate',
        message: `The limit "requests_per_minute" of team "${caller.team}" is reached: 60 requests a minute, 0 left now, 1 requested. Try again in 1 second.`,
        limit,
        retryAfter: '1',
        rateHeaders: { 'limit-requests': '60', 'remaining-requests': '0', 'reset-requests': '2s' }
      }, label)
      t.equal(simulator.requests.length, before, 'the upstream heard nothing')
      t.match(await seen(caller, `/requests/${refused.headers.get('x-request-id')}`), {
        outcome: 'refused', error: 'rate_limited', usage: null, cost_nano: 0, limits: [limit]
      })
      clock.advance(999)
      t.equal((await ask(caller, way)).status, 429, 'a moment too early')
      clock.advance(1)
      t.equal((await ask(caller, way)).status, 200, 'at the time it was told')
    }
  })

  t.test(`${upstream}: tokens a minute`, async (t) => {
    const { gateway: { simulator }, clock, team, ask, lastRequest } = await startLimitedGateway(t, upstream)
    for (const way of WAYS) {
      const label = nameOf(way)
      const caller = await team({ tokens_per_minute: 6_000 })
      const first = await ask(caller, way, { parameters: { max_tokens: 1_000 } })
      t.equal(first.status, 200)
      const { charge } = lastRequest()
      const held = charge.inputTokens + MARGIN_TOKENS + 1_000
      // A hundred tokens flow in each second.
      assertRateHeaders(t, first, {
        'limit-tokens': '6000', 'remaining-tokens': String(6_000 - held), 'reset-tokens': `${Math.ceil(held / 100)}s`
      }, `${label}, while all it may use is held`)
      const before = simulator.requests.length
      const used = charge.inputTokens + charge.outputTokens
      const requested = charge.inputTokens + MARGIN_TOKENS + 5_900
      const waitMs = (requested + used - 6_000) * 10
      const refused = await ask(caller, way, { parameters: { max_tokens: 5_900 } })
      assertRefused(t, way.surface, refused, {
        kind: 'rate',
        message: /^The limit "tokens_per_minute" of team "team-\d" is reached: 6,000 tokens a minute, /,
        limit: {
          ...RATE,
          id: 'tokens_per_minute',
          unit: 'tokens',
          amount: 6_000,
          used,
          requested,
          remaining: 6_000 - used,
          retry_after_seconds: Math.ceil(waitMs / 1_000),
          resets_at: new Date(clock.nowMs() + used * 10).toISOString()
        },
        retryAfter: String(Math.ceil(waitMs / 1_000)),
        rateHeaders: { 'limit-tokens': '6000', 'remaining-tokens': String(6_000 - used), 'reset-tokens': `${used * 10}ms` }
      }, `${label}, with what was used`)
      t.equal(simulator.requests.length, before, 'the upstream heard nothing')
      clock.advance(waitMs)
      t.equal((await ask(caller, way, { parameters: { max_tokens: 5_900 } })).status, 200)
    }
  })

  t.test(`${upstream}: a rate that can never hold the request is the request's own fault`, async (t) => {
    const { gateway: { simulator }, clock, team, ask, lastRequest } = await startLimitedGateway(t, upstream)
    await ask(await team(), { surface: 'openai', stream: false })
    const requested = lastRequest().charge.inputTokens + MARGIN_TOKENS + 1
    for (const way of WAYS) {
      const caller = await team({ tokens_per_minute: requested - 1 })
      const before = simulator.requests.length
      assertRefused(t, way.surface, await ask(caller, way, { parameters: { max_tokens: 1 } }), {
        kind: 'impossible',
        message: `This request may use up to ${requested} tokens, and the limit "tokens_per_minute" of team "${caller.team}" lets at most ` +
          `${requested - 1} through at once: lower max_tokens or shorten the prompt.`,
        limit: {
          ...RATE,
          id: 'tokens_per_minute',
          unit: 'tokens',
          amount: requested - 1,
          used: 0,
          requested,
          remaining: requested - 1,
          retry_after_seconds: null,
          resets_at: new Date(clock.nowMs()).toISOString()
        },
        retryAfter: null,
        rateHeaders: { 'limit-tokens': String(requested - 1), 'remaining-tokens': String(requested - 1), 'reset-tokens': '0s' }
      }, nameOf(way))
      t.equal(simulator.requests.length, before, 'the upstream heard nothing')
    }
  })

  t.test(`${upstream}: requests at the same time`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const { gateway: { simulator }, team, ask } = limited
    for (const way of WAYS) {
      const caller = await team({ concurrent_requests: 1 })
      const { end } = await startStream(limited, caller)
      const before = simulator.requests.length
      assertRefused(t, way.surface, await ask(caller, way), {
        kind: 'rate',
        message: `The limit "concurrent_requests" of team "${caller.team}" is reached: 1 of 1 request under way. Try again when one of them has ended.`,
        limit: {
          scope: 'team',
          id: 'concurrent_requests',
          kind: 'concurrency',
          unit: 'requests',
          amount: 1,
          used: 1,
          held: 0,
          requested: 1,
          remaining: 0,
          allows: false,
          retry_after_seconds: 1,
          resets_at: null
        },
        retryAfter: '1'
      }, nameOf(way))
      t.equal(simulator.requests.length, before, 'the upstream heard nothing')
      await end()
      t.equal((await ask(caller, way)).status, 200, 'as soon as its place is free')
    }
  })
}

t.test('the emptiest bucket of a team and its key is the one told of', async (t) => {
  const { team, ask } = await startLimitedGateway(t, 'openai')
  const caller = await team({ requests_per_minute: { limit: 60, burst: 10 } }, {
    requests_per_minute: { limit: 30, burst: 2 }, per_model: [{ id: 'this', models: [MODEL], requests_per_minute: { limit: 5, burst: 5 } }]
  })
  const reply = await ask(caller, { surface: 'openai', stream: false })
  assertRateHeaders(t, reply, { 'limit-requests': '30', 'remaining-requests': '1', 'reset-requests': '2s' }, 'half of the key\'s own is gone')
})
