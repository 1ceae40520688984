import t from 'tap'
import { createLimiter } from '../../src/limits/limiter.ts'
import { createManualClock } from '../support/fixed.ts'
import { principalOf } from '../support/accounts.ts'
import { RESERVATION_IDS_MAX, StoreUnavailable } from '../../src/limits/store.ts'
import { tierOf } from '../support/prices.ts'
import type { AdmissionRequest } from '../../src/limits/limiter.ts'
import type { Claim, Standing } from '../../src/limits/claim.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'
import type { Outage } from '../../src/limits/outage.ts'
import type { Price } from '../../src/core/catalog.ts'
import type { ReserveCall, ReserveReply, SettleCall } from '../../src/limits/store.ts'
import type { TeamSettings } from '../../src/accounts/account.ts'
import type { Usage } from '../../src/core/usage.ts'

const PRICE: Price = { currency: 'CNY', tiers: [tierOf(Number.MAX_SAFE_INTEGER, 2_000, 6_000)] }
const USAGE: Usage = { inputTokens: 40, cachedInputTokens: 0, outputTokens: 60, reasoningTokens: 0, source: 'reported' }
const RECORD = { requestId: 'r' } as LedgerRecord

type Say = (call: ReserveCall, nowMs: number) => object | Error

/** A limiter whose store says what the test wants, and a note of everything it was told. */
interface Options { readonly settings?: TeamSettings, readonly say?: Say, readonly outage?: Partial<Outage>, readonly healthy?: boolean }

function start ({ settings = {}, say, outage = {}, healthy = true }: Options = {}) {
  const clock = createManualClock()
  const calls: ReserveCall[] = []
  const settled: SettleCall[] = []
  const leases: string[] = []
  let skewMs = 0
  const state = (): { version: number, epoch: string, holdUntilMs: number, nowMs: number } => ({ version: 1, epoch: 'e', holdUntilMs: 0, nowMs: clock.nowMs() })
  const limiter = createLimiter({
    clock,
    skewMs: () => skewMs,
    store: {
      async reserve (call) {
        calls.push(call)
        const reply = say?.(call, clock.nowMs()) ?? { status: 'granted', repeated: false, standings: fresh(call.claims) }
        if (reply instanceof Error) throw reply
        const whole = { ...state(), ...reply } as ReserveReply
        skewMs = whole.nowMs - clock.nowMs()
        return whole
      },
      settle: async () => { throw new Error('the limiter settles through settlements') },
      renew: async () => ({ ...state(), unknown: [], swept: 0 }),
      hold: async () => state()
    },
    leases: { begin: ({ rid }) => { leases.push(`begin ${rid}`) }, end: (_team, rid) => { leases.push(`end ${rid}`) } },
    settlements: { settle: async (call) => { settled.push(call) }, healthy },
    outage: { observe () {}, admit: () => 'refused', ...outage }
  })
  const { account } = principalOf('search', { settings })
  const request: AdmissionRequest = {
    account,
    model: { name: 'qwen-coder-turbo' },
    requestId: 'r',
    attempt: 1,
    amounts: { inputTokens: 100, outputTokens: 200, price: PRICE },
    output: { choices: 1, capTokens: 200, thinkingTokens: 0 },
    policies: { budgetFit: 'clamp', unpricedModel: 'reject' },
    expiryOf: ({ inputTokens, outputTokens }) => ({ ...RECORD, costNano: inputTokens + outputTokens })
  }
  return { limiter, request, clock, calls, settled, leases }
}

function fresh (claims: readonly Claim[], spent = 0): Standing[] {
  return claims.map((claim): Standing => {
    if (claim.kind === 'rate') return { kind: 'rate', level: claim.burst * 60_000 }
    if (claim.kind === 'concurrency') return { kind: 'concurrency', inFlight: 0 }
    return { kind: 'budget', window: claim.windows.findIndex(({ amount }) => amount > 0), spent, held: 0 }
  })
}

const DAILY: TeamSettings = { budgets: [{ id: 'daily', unit: 'tokens', period: 'day', amount: 1_000 }] }

t.test('a request that nothing limits asks nobody, and its record is written all the same', async (t) => {
  const { limiter, request, calls, settled, leases } = start()
  const admission = await limiter.admit(request)
  t.match(admission, { status: 'admitted', reports: [], outputTokensHeld: undefined })
  if (admission.status === 'admitted') await admission.settle(USAGE, RECORD)
  t.same([calls.length, leases], [0, []])
  t.match(settled, [{ team: 'search', rid: 'r#1', charges: [], record: RECORD }])
})

t.test('what a request may use is held while it runs, and what it did use is charged', async (t) => {
  const { limiter, request, calls, settled, leases } = start({ settings: { ...DAILY, requests_per_minute: 60, concurrent_requests: 2 } })
  const admission = await limiter.admit(request)
  t.match(calls, [{ rid: 'r#1', mode: 'reserve', expiry: { costNano: 300 }, claims: [{ kind: 'rate', cost: 1 }, { kind: 'concurrency' }, { kind: 'budget', cost: 300 }] }])
  t.match(admission, { status: 'admitted', outputTokensFit: undefined, outputTokensHeld: 200 })
  t.equal(admission.headers['x-ratelimit-limit-requests'], '60')
  t.same(leases, ['begin r#1'])
  if (admission.status !== 'admitted') return
  await admission.settle(USAGE, RECORD)
  t.match(settled, [{ record: RECORD, charges: [{ cost: 1 }, { kind: 'concurrency' }, { kind: 'budget', cost: 100 }] }])
  t.same(leases, ['begin r#1', 'end r#1'])
})

t.test('a request that cost nothing gives back all of it, its place in the minute included', async (t) => {
  const { limiter, request, settled } = start({ settings: { ...DAILY, requests_per_minute: 60 } })
  const admission = await limiter.admit(request)
  if (admission.status === 'admitted') await admission.settle('void', RECORD)
  t.match(settled, [{ record: RECORD, charges: [{ cost: 0 }, { cost: 0 }] }])
})

t.test('another attempt is held for under ids of its own, and counts as no other request', async (t) => {
  const { limiter, request, calls, settled } = start({ settings: { ...DAILY, requests_per_minute: 60, tokens_per_minute: 600, concurrent_requests: 2 } })
  for (const [attempt, rid] of [[2, 'r#8'], [3, 'r#15']] as const) {
    const admission = await limiter.admit({ ...request, attempt })
    t.match(calls.at(-1), { rid, claims: [{ kind: 'rate', cost: 300 }, { kind: 'concurrency' }, { kind: 'budget', cost: 300 }] })
    t.equal(calls.at(-1)?.claims.length, 3)
    if (admission.status === 'admitted') await admission.settle(USAGE, RECORD)
    t.match(settled.at(-1), { rid, record: RECORD, charges: { length: 3 } })
  }
})

t.test('no attempt asks under an id of another, however often it asks', async (t) => {
  const { limiter, request, calls, settled } = start({ settings: DAILY, say: () => ({ status: 'stale' }) })
  for (const attempt of [1, 2, 3]) {
    await t.rejects(limiter.admit({ ...request, attempt }))
    await limiter.unheld({ ...request, attempt }).settle('void', RECORD)
  }
  const rids = [...calls, ...settled].map(({ rid }) => rid)
  t.equal(new Set(rids).size, rids.length)
  t.equal(rids.at(-1), `r#${RESERVATION_IDS_MAX}`)
})

t.test('where the limits leave no room for another attempt, the last record goes where nothing was ever asked for', async (t) => {
  const { limiter, request, settled, leases } = start({ settings: DAILY })
  const admission = limiter.unheld({ ...request, attempt: 2 })
  t.match(admission, { status: 'admitted', reports: [], outputTokensHeld: undefined })
  await admission.settle('void', RECORD)
  t.match(settled, [{ team: 'search', rid: 'r#14', charges: [], record: RECORD }])
  t.same(leases, [])
})

t.test('what nobody knows the use of is written down as all that was held, also where nothing was', async (t) => {
  const { limiter, request, calls, settled } = start({ settings: DAILY })
  await limiter.admit(request)
  t.match(calls, [{ expiry: { requestId: 'r', costNano: 300 } }])
  limiter.unheld(request).abandon()
  t.match(settled, [{ charges: [], record: { requestId: 'r', costNano: 0 } }])
})

t.test('nobody renews what was abandoned, and nobody settles it', async (t) => {
  const { limiter, request, settled, leases } = start({ settings: DAILY })
  const admission = await limiter.admit(request)
  if (admission.status === 'admitted') admission.abandon()
  t.same([settled, leases], [[], ['begin r#1', 'end r#1']])
})

/** A store that grants what its budget of 1,000 still holds after 880. */
const nearlySpent: Say = ({ claims }) => {
  const cost = claims.find((claim) => claim.kind === 'budget')?.cost ?? 0
  const standings = fresh(claims, 880)
  return cost <= 120 ? { status: 'granted', repeated: false, standings } : { status: 'denied', standings }
}

t.test('where only the length of the answer is in the way of a budget, the answer is made to fit', async (t) => {
  const { limiter, request, calls, leases } = start({ settings: DAILY, say: nearlySpent })
  t.match(await limiter.admit(request), { status: 'admitted', outputTokensFit: 20, outputTokensHeld: 20 })
  t.same(calls.map(({ rid }) => rid), ['r#1', 'r#4'], 'each question under an id of its own')
  t.same(leases, ['begin r#4'])
})

t.test('where not even the shortest answer fits, the refusal says what that would have taken', async (t) => {
  const spent: Say = ({ claims }) => ({ status: 'denied', standings: fresh(claims, 900) })
  const { limiter, request, calls } = start({ settings: DAILY, say: spent })
  const refusal = await limiter.admit({ ...request, amounts: { ...request.amounts, outputTokens: 5_000 }, output: { ...request.output, capTokens: 5_000 } })
  t.match(refusal, { status: 'refused', error: { kind: 'budget_exhausted', limit: { requested: 101, remaining: 100, retry_after_seconds: Number } } })
  t.equal(calls.length, 1)
})

t.test('unless the policy is to refuse', async (t) => {
  const { limiter, request, calls } = start({ settings: DAILY, say: nearlySpent })
  const refusal = await limiter.admit({ ...request, policies: { budgetFit: 'reject', unpricedModel: 'reject' } })
  t.equal(calls.length, 1)
  t.match(refusal, { status: 'refused', error: { kind: 'budget_exhausted', limit: { scope: 'team', id: 'daily', amount: 1_000, used: 880, held: 0, requested: 300 } } })
})

t.test('the thinking before an answer cannot be shortened', async (t) => {
  const { limiter, request } = start({ settings: DAILY, say: nearlySpent })
  const output = { choices: 1, capTokens: 100, thinkingTokens: 100 }
  t.match(await limiter.admit({ ...request, output }), { status: 'refused', error: { kind: 'budget_exhausted' } })
})

t.test('a model without a price never passes a budget of money for free, unless that is the policy', async (t) => {
  const settings: TeamSettings = { budgets: [{ id: 'monthly', unit: 'CNY', period: 'month', amount: 300 }] }
  for (const price of [undefined, { ...PRICE, currency: 'USD' }]) {
    const { limiter, request, calls } = start({ settings })
    const unpriced = { ...request, model: { name: 'm' }, amounts: { ...request.amounts, price } }
    await t.rejects(limiter.admit(unpriced), { kind: 'permission_denied', message: /no price in CNY.*"monthly"/ } as unknown as Error)
    await t.rejects(limiter.explain(unpriced), { kind: 'permission_denied' } as unknown as Error)
    t.equal(calls.length, 0)
    const allowed = await limiter.admit({ ...unpriced, policies: { budgetFit: 'clamp', unpricedModel: 'allow' } })
    t.equal(allowed.status, 'admitted')
    t.match(calls, [{ claims: [{ cost: 0 }] }])
  }
})

t.test('a store whose clock is elsewhere is asked again in its own time', async (t) => {
  const aheadMs = 40 * 86_400_000
  const { limiter, request, calls, clock } = start({
    settings: DAILY,
    say: ({ claims, bornMs }, nowMs) => bornMs < nowMs + aheadMs
      ? { status: 'stale', nowMs: nowMs + aheadMs }
      : { status: 'granted', nowMs: nowMs + aheadMs, repeated: false, standings: fresh(claims) }
  })
  t.match(await limiter.admit(request), { status: 'admitted' })
  t.same(calls.map(({ rid, bornMs }) => [rid, bornMs - clock.nowMs()]), [['r#1', 0], ['r#2', aheadMs]])
  t.match(await limiter.admit({ ...request, requestId: 's' }), { status: 'admitted' })
  t.equal(calls.length, 3, 'from then on its time is known')
})

t.test('what can never be granted as it is ends after three questions', async (t) => {
  for (const status of ['stale', 'old'] as const) {
    const { limiter, request, calls } = start({ settings: DAILY, say: () => ({ status }) })
    await t.rejects(limiter.admit(request), { kind: 'store_unavailable', retryAfterMs: 1_000 } as unknown as Error)
    t.equal(calls.length, 3)
  }
})

t.test('budgets on hold are waited for', async (t) => {
  const { limiter, request } = start({ settings: DAILY, say: (_call, nowMs) => ({ status: 'on_hold', holdUntilMs: nowMs + 2_500 }) })
  await t.rejects(limiter.admit(request), { kind: 'store_unavailable', status: 503, retryAfterMs: 2_500 } as unknown as Error)
})

t.test('a store that does not answer refuses, unless the team has another policy', async (t) => {
  const away: Say = () => new StoreUnavailable('timeout')
  const { limiter, request } = start({ settings: DAILY, say: away })
  await t.rejects(limiter.admit(request), { kind: 'store_unavailable', retryAfterMs: 1_000 } as unknown as Error)
  await t.rejects(limiter.explain(request), { kind: 'store_unavailable' } as unknown as Error)

  const endings: unknown[] = []
  const grant = { windowIds: ['w'], settle: async (...settlement: unknown[]) => { endings.push(settlement) }, release: async (record: unknown) => { endings.push(record) }, abandon () {} }
  const local = start({ settings: DAILY, say: away, outage: { admit: ({ tokens, rid, expiry }) => { endings.push([tokens, rid, expiry?.costNano]); return grant } } })
  const admission = await local.limiter.admit(local.request)
  t.match(admission, { status: 'admitted', outputTokensHeld: 200 })
  if (admission.status === 'admitted') await admission.settle(USAGE, RECORD)
  t.match(endings, [[300, 'r#7', 300], [[{ windowId: 'w', cost: 100 }], RECORD]])
  const free = await local.limiter.admit({ ...local.request, attempt: 2 })
  if (free.status === 'admitted') await free.settle('void', RECORD)
  t.same(endings.slice(2), [[300, 'r#14', 300], RECORD])
  t.same([local.settled, local.leases], [[], []], 'the outage settles it, so that it knows what was drawn')
})

t.test('where settlements could be lost, budgets are not spent, and everything else goes on', async (t) => {
  const spending = start({ settings: DAILY, healthy: false })
  await t.rejects(spending.limiter.admit(spending.request), { kind: 'store_unavailable' } as unknown as Error)
  t.equal(spending.calls.length, 0)
  const rated = start({ settings: { requests_per_minute: 60 }, healthy: false })
  t.match(await rated.limiter.admit(rated.request), { status: 'admitted' })
})

t.test('an explanation decides as an admission does, and only asks', async (t) => {
  const { limiter, request, calls, leases } = start({ settings: DAILY, say: nearlySpent })
  const clamped = await limiter.explain(request)
  t.match(clamped, { allowed: true, outputTokensFit: 20 })
  const strict = await limiter.explain({ ...request, policies: { budgetFit: 'reject', unpricedModel: 'reject' } })
  t.match(strict, { allowed: false, decidedBy: { id: 'daily', allows: false, used: 880, requested: 300 } })
  t.ok(calls.every(({ mode }) => mode === 'check'))
  t.same(leases, [])
})
