import t from 'tap'
import type { Test } from 'tap'
import { reasonToSkip, runClient } from '../support/clients.ts'
import { startLimitedGateway } from '../support/limited-gateway.ts'
import { SIDES } from '../support/scene.ts'
import type { Caller, LimitedGateway } from '../support/limited-gateway.ts'
import type { ClientName } from '../support/clients.ts'

t.setTimeout(600_000)
const skip = { python: await reasonToSkip('python'), node: await reasonToSkip('node'), java: await reasonToSkip('java'), curl: await reasonToSkip('curl') }

const SPENT = { budgets: [{ id: 'spent', unit: 'tokens', period: 'total' as const, amount: 0 }] }
/** One at once, and another a second later. */
const SLOW = { requests_per_minute: { limit: 60, burst: 1 } }
const SPENT_LIMIT = { scope: 'team', id: 'spent', kind: 'budget', unit: 'tokens', amount: 0, used: 0, held: 0, remaining: 0, allows: false, resets_at: null }

async function run (limited: LimitedGateway, caller: Caller, [client, scenario]: readonly [ClientName, string]): Promise<unknown> {
  return await runClient(client, scenario, { ...limited.gateway, apiKey: caller.apiKey, model: 'qwen-coder-turbo' })
}

/** A caller whose place in the minute is taken. */
async function hurried ({ team, ask }: LimitedGateway): Promise<Caller> {
  const caller = await team(SLOW)
  await ask(caller, { surface: 'openai', stream: false })
  return caller
}

/** The client is refused; then the gateway's second passes, and whoever waited for one of its own is let in. */
async function assertWaits (t: Test, limited: LimitedGateway, [client, scenario]: readonly [ClientName, string]): Promise<void> {
  const caller = await hurried(limited)
  const before = limited.endedOf(caller)
  const refused = limited.nextEnd()
  const running = run(limited, caller, [client, scenario])
  t.match(await refused, { keyId: caller.keyId, errorKind: 'rate_limited', status: 429 })
  limited.clock.advance(1_000)
  t.match(await running, { text: /素数/ }, `${client} ${scenario} came again by itself`)
  t.equal(limited.endedOf(caller) - before, 2, 'once, after it was told to')
}

/** The error is the one of a spent quota, and it is final: official clients ask once. */
async function assertGivesUp (t: Test, limited: LimitedGateway, [client, scenario]: readonly [ClientName, string], expected: object): Promise<void> {
  const caller = await limited.team(SPENT)
  t.match(await run(limited, caller, [client, scenario]), expected, `${client} ${scenario}`)
  t.equal(limited.endedOf(caller), 1, 'it did not ask again')
}

for (const upstream of SIDES) {
  t.test(`OpenAI's packages, with an upstream that speaks ${upstream}`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const quota = {
      class: 'RateLimitError',
      is_rate_limit_error: true,
      code: 'insufficient_quota',
      type: 'insufficient_quota',
      message: /The budget "spent" of team "team-\d+" allows nothing\./,
      request_id: /./,
      limit: SPENT_LIMIT
    }
    for (const [client, environment, status] of [['openai-python', 'python', { status_code: 429 }], ['openai-node', 'node', { status: 429 }]] as const) {
      for (const scenario of ['limited', 'limited_stream']) {
        await t.test(`${client} ${scenario}: a spent budget is not asked for twice`, { skip: skip[environment] }, async (t) => {
          const before = limited.gateway.simulator.requests.length
          await assertGivesUp(t, limited, [client, scenario], { ...quota, ...status })
          t.equal(limited.gateway.simulator.requests.length, before, 'the upstream heard nothing')
        })
        await t.test(`${client} ${scenario}: a full minute is waited for`, { skip: skip[environment] }, async (t) => {
          await assertWaits(t, limited, [client, scenario])
        })
      }
    }
  })

  t.test(`DashScope's packages, with an upstream that speaks ${upstream}`, async (t) => {
    const limited = await startLimitedGateway(t, upstream)
    const quota = { status_code: 429, code: 'Throttling.AllocationQuota', message: /The budget "spent" of team "team-\d+" allows nothing\./, request_id: /./ }
    const rate = { status_code: 429, code: 'Throttling.RateQuota', message: /is reached: 60 requests a minute, 0 left now, 1 requested\. Try again in 1 second\./ }
    await t.test('Python', { skip: skip.python }, async (t) => {
      await assertGivesUp(t, limited, ['dashscope-python', 'call'], { ...quota, output: null })
      await assertGivesUp(t, limited, ['dashscope-python', 'async_call'], { ...quota, output: null })
      await assertGivesUp(t, limited, ['dashscope-python', 'stream_incremental'], { texts: [], last: quota })
      const caller = await hurried(limited)
      t.match(await run(limited, caller, ['dashscope-python', 'call']), rate)
      limited.clock.advance(1_000)
      t.match(await run(limited, caller, ['dashscope-python', 'call']), { status_code: 200 }, 'as it was told')
    })
    await t.test('Java', { skip: skip.java }, async (t) => {
      await assertGivesUp(t, limited, ['dashscope-java', 'limited'], { class: 'ApiException', ...quota })
      await assertGivesUp(t, limited, ['dashscope-java', 'broken_stream'], { class: 'ApiException', code: quota.code, message: quota.message, texts: [] })
      t.match(await run(limited, await hurried(limited), ['dashscope-java', 'limited']), { class: 'ApiException', ...rate })
    })
  })
}

t.test('curl is shown when to come again, and whether', { skip: skip.curl }, async (t) => {
  const limited = await startLimitedGateway(t, 'dashscope')
  const [head = '', body = ''] = String(await run(limited, await limited.team(SPENT), ['curl', 'limited'])).split('\r\n\r\n')
  t.match(head, /^HTTP\/1\.1 429 Too Many Requests\r\n/)
  t.match(head, /^retry-after: 60\r$/m)
  t.match(head, /^x-should-retry: false\r$/m)
  t.match(JSON.parse(body), { error: { code: 'insufficient_quota', limit: SPENT_LIMIT } })
  const [busyHead = ''] = String(await run(limited, await hurried(limited), ['curl', 'limited'])).split('\r\n\r\n')
  t.match(busyHead, /^retry-after: 1\r$/m)
  t.match(busyHead, /^x-ratelimit-remaining-requests: 0\r$/m)
  t.notMatch(busyHead, /x-should-retry/)
})
