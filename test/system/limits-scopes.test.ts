import t from 'tap'
import type { Test } from 'tap'
import { MODEL, WAYS, nameOf, startLimitedGateway } from '../support/limited-gateway.ts'
import { assertRefused } from '../support/refused.ts'
import { SIDES } from '../support/scene.ts'
import type { Caller, LimitedGateway, Way } from '../support/limited-gateway.ts'

const OTHER_MODEL = 'qwen-max'
const NOTHING = { id: 'none', unit: 'tokens', period: 'total' as const, amount: 0 }

for (const upstream of SIDES) {
  t.test(`${upstream}: limits of the key stand beside its team's`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    for (const way of WAYS) {
      const { team, key, ask } = limited
      const spender = await team({ requests_per_minute: 600, budgets: [{ ...NOTHING, id: 'plenty', amount: 10_000_000 }] }, { budgets: [NOTHING] })
      await assertRefusedBy(t, limited, { caller: spender, way, model: MODEL }, { scope: 'key', owner: `key "${spender.keyId}"` })
      t.match(await ask(await key(spender), way), { status: 200 }, 'another key of the team is not held to it')
      const { limits } = await limited.seen(spender, '/limits')
      t.match(limits.map(({ scope, id, held }: any) => [scope, id, held]), [
        ['team', 'requests_per_minute', 0], ['team', 'plenty', 0], ['key', 'none', 0]
      ], 'what one limit refused is taken from none')
    }
  })

  t.test(`${upstream}: limits for some models hold for these alone`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const perModel = [{ id: 'coders', models: ['qwen-coder-*'], budgets: [NOTHING] }]
    for (const way of WAYS) {
      const { team, ask } = limited
      const ofTeam = await team({ per_model: perModel })
      await assertRefusedBy(t, limited, { caller: ofTeam, way, model: MODEL }, { scope: 'team_model', owner: `team "${ofTeam.team}" for the models "coders"` })
      t.equal((await ask(ofTeam, way, { model: OTHER_MODEL })).status, 200)
      const ofKey = await team({}, { per_model: perModel })
      await assertRefusedBy(t, limited, { caller: ofKey, way, model: MODEL }, { scope: 'key_model', owner: `key "${ofKey.keyId}" for the models "coders"` })
      t.equal((await ask(ofKey, way, { model: OTHER_MODEL })).status, 200)
      const ofBudget = await team({ budgets: [{ ...NOTHING, models: ['qwen-coder-*'] }] })
      await assertRefusedBy(t, limited, { caller: ofBudget, way, model: MODEL }, { scope: 'team', owner: `team "${ofBudget.team}"` })
      t.equal((await ask(ofBudget, way, { model: OTHER_MODEL })).status, 200)
    }
  })

  t.test(`${upstream}: some models are not for everybody`, async (t) => {
    const { gateway: { simulator }, team, ask, admin } = await startLimitedGateway(t, upstream)
    for (const way of WAYS) {
      for (const caller of [await team({ models: ['qwen-max*'] }), await team({}, { models: ['qwen-max*'] })]) {
        const before = simulator.requests.length
        assertRefused(t, way.surface, await ask(caller, way), {
          kind: 'forbidden',
          message: `This key may not use the model "${MODEL}". GET /v1/models lists the ones it may.`,
          limit: undefined,
          retryAfter: null,
          param: 'model'
        }, nameOf(way))
        t.equal(simulator.requests.length, before, 'the upstream heard nothing')
        t.equal((await ask(caller, way, { model: OTHER_MODEL })).status, 200)
        t.match(await admin('POST', '/explain', { team: caller.team, key: caller.keyId, model: MODEL }), {
          json: { allowed: false, refused_by: { code: 'permission_denied' }, decided_by: null }
        }, 'and whoever asks beforehand is told so')
      }
    }
  })
}

interface Asking { readonly caller: Caller, readonly way: Way, readonly model: string }

/** A budget of nothing is the simplest limit there is: what matters here is whose it is. */
async function assertRefusedBy (t: Test, { gateway: { simulator }, ask }: LimitedGateway, { caller, way, model }: Asking, { scope, owner }: { scope: string, owner: string }): Promise<void> {
  const before = simulator.requests.length
  const reply = await ask(caller, way, { model, parameters: { max_tokens: 10 } })
  const limit = reply.json.limit ?? reply.json.error?.limit
  assertRefused(t, way.surface, reply, {
    kind: 'budget',
    message: `The budget "none" of ${owner} allows nothing.`,
    limit: {
      scope,
      ...(scope.endsWith('_model') ? { per_model: 'coders' } : {}),
      id: 'none',
      kind: 'budget',
      unit: 'tokens',
      amount: 0,
      used: 0,
      held: 0,
      requested: limit?.requested,
      remaining: 0,
      allows: false,
      retry_after_seconds: null,
      resets_at: null
    },
    retryAfter: '60',
    ...(reply.headers.has('x-ratelimit-limit-requests')
      ? { rateHeaders: { 'limit-requests': '600', 'remaining-requests': '100', 'reset-requests': '0s' } }
      : {})
  }, `${nameOf(way)} ${scope}`)
  t.equal(simulator.requests.length, before, 'the upstream heard nothing')
}
