import t from 'tap'
import { createLeases } from '../../src/limits/leases.ts'
import { createOutage } from '../../src/limits/outage.ts'
import { createSettlements } from '../../src/limits/settlements.ts'
import { createTroubleStore } from './trouble-store.ts'
import { BUDGET, PLACES, RATE, TEAM, budget, createReports, pass, place, rate, reserveCall, settleCall, turns } from './trouble-scene.ts'
import { createManualClock } from '../support/fixed.ts'
import type { BudgetClaim, Claim } from '../../src/limits/claim.ts'
import type { Charge } from '../../src/limits/store.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'
import type { OutageGrant } from '../../src/limits/outage.ts'
import type { Settlements } from '../../src/limits/settlements.ts'
import type { TeamSettings } from '../../src/accounts/account.ts'

function scene (settings: TeamSettings, { replicas = 1, healthy = true }: { replicas?: number, healthy?: boolean } = {}) {
  const clock = createManualClock()
  const store = createTroubleStore(clock)
  const connection = store.connect()
  const reports = createReports()
  let isStoreUp = true
  const leases = createLeases(connection, { clock, report: reports.report, served () {} })
  const settlements = createSettlements(connection, {
    clock, random: () => 0, report: reports.report, spool: undefined, ended: (call, isCounted) => outage.ended(call, isCounted)
  })
  const watchedSettlements: Settlements = Object.defineProperty({ ...settlements, settle: (call) => settlements.settle(call) }, 'healthy', { get: () => healthy })
  const outage = createOutage({
    clock, store: connection, leases, settlements: watchedSettlements, spool: undefined, report: reports.report, bootId: 'boot', replicas, storeNowMs: () => clock.nowMs(), isStoreUp: () => isStoreUp
  })
  const team = { id: TEAM, settings, createdMs: 0, revision: 1 }
  let requests = 0

  /** A request in ordinary times. */
  async function request (claims: readonly Claim[], cost: number): Promise<void> {
    const call = reserveCall(`r${++requests}`, clock.nowMs(), claims)
    const reply = await connection.reserve(call)
    if (reply.status !== 'granted') throw new Error(reply.status)
    leases.begin(call, reply.standings)
    outage.observe(team, claims, reply.standings)
    leases.end(TEAM, call.rid)
    await settlements.settle(settleCall(call, cost))
    await turns()
  }
  const admit = (claims: readonly Claim[], tokens = 1): OutageGrant | 'refused' => outage.admit({ team, claims, tokens, rid: `local${++requests}`, bornMs: clock.nowMs(), expiry: undefined })
  const admitted = (claims: readonly Claim[], tokens = 1): OutageGrant => {
    const grant = admit(claims, tokens)
    if (grant === 'refused') throw new Error('it was refused')
    return grant
  }
  return {
    clock,
    store,
    connection,
    reports,
    leases,
    outage,
    settlements,
    request,
    admit,
    admitted,
    down () {
      isStoreUp = false
      connection.fate = 'lost'
    },
    up () {
      isStoreUp = true
      connection.fate = 'answered'
      settlements.retry()
    },
    spent: () => store.counter(TEAM, `bs:${BUDGET}:always`),
    held: () => store.counter(TEAM, `br:${BUDGET}:always`)
  }
}

/** How many of `count` requests are let in. */
function letIn (admit: () => OutageGrant | 'refused', count: number): number {
  return Array.from({ length: count }, admit).filter((grant) => grant !== 'refused').length
}

const charge = (cost: number): Charge[] => [{ kind: 'budget', id: BUDGET, windowId: 'always', cost }]

t.test('deny, the default, refuses everything', async (t) => {
  t.equal(scene({}).admit([]), 'refused')
  t.equal(scene({ on_store_down: 'deny' }).admit([rate()]), 'refused')
})

t.test('allow', async (t) => {
  t.test('lets rates through by this gateway\'s part', async (t) => {
    const { clock, admit } = scene({ on_store_down: 'allow' }, { replicas: 4 })
    t.equal(letIn(() => admit([rate(1, 600, 100)]), 100), 25)
    await pass(clock, 1_000, 100)
    t.equal(letIn(() => admit([rate(1, 600, 100)]), 100), 2, 'a quarter of ten a second')
    await pass(clock, 600_000, 60_000)
    t.equal(letIn(() => admit([rate(1, 600, 100)]), 100), 25)
  })

  t.test('lets one request through that is larger than this gateway\'s part, on credit', async (t) => {
    const { clock, admit } = scene({ on_store_down: 'allow' }, { replicas: 4 })
    t.equal(admit([rate(101, 600, 100)]), 'refused', 'not one that is larger than the limit')
    t.equal(letIn(() => admit([rate(100, 600, 100)]), 5), 1)
    await pass(clock, 39_000, 1_000)
    t.equal(admit([rate(100, 600, 100)]), 'refused')
    await pass(clock, 1_000, 1_000)
    t.equal(letIn(() => admit([rate(100, 600, 100)]), 5), 1, '100 a 40 s are 150 a minute')
  })

  t.test('puts back what was not used of a rate', async (t) => {
    const { admitted, admit } = scene({ on_store_down: 'allow' }, { replicas: 2 })
    const claim = rate(50, 600, 100)
    const grant = admitted([claim])
    t.equal(admit([claim]), 'refused')
    await grant.settle([{ kind: 'rate', id: RATE, perMinute: 600, burst: 100, cost: 0 }], undefined)
    t.equal(letIn(() => admit([claim]), 2), 1)
  })

  t.test('shares out places, counts what is held in the store, and never leaves a gateway without any', async (t) => {
    const { admit, admitted, leases } = scene({ on_store_down: 'allow' }, { replicas: 3 })
    const call = reserveCall('held', 0, [place(10)])
    leases.begin(call, [])
    const grant = admitted([place(10)])
    t.equal(letIn(() => admit([place(10)]), 5), 1)
    await grant.release(undefined)
    t.equal(letIn(() => admit([place(10)]), 5), 1)
    leases.end(TEAM, 'held')
    t.equal(letIn(() => admit([place(10)]), 5), 1)
    t.equal(letIn(() => admit([{ ...place(2), id: 'small' }]), 5), 1)
    t.equal(letIn(() => admit([{ ...place(0), id: 'none' }]), 5), 0)
  })

  t.test('frees a place when its request is settled, and takes nothing where another limit refuses', async (t) => {
    const { admit, admitted } = scene({ on_store_down: 'allow' })
    t.equal(admit([place(1), rate(101, 600, 100)]), 'refused')
    const grant = admitted([place(1)])
    t.equal(admit([place(1)]), 'refused')
    await grant.settle([{ kind: 'concurrency', id: PLACES }], undefined)
    t.not(admit([place(1)]), 'refused')
  })

  t.test('asks no budget, and charges it afterwards, in the window of the request\'s time', async (t) => {
    const { admitted, down, up, spent, clock } = scene({ on_store_down: 'allow' })
    down()
    const grant = admitted([budget(5_000_000)])
    t.strictSame(grant.windowIds, ['always'])
    await grant.settle(charge(70), undefined)
    t.equal(spent(), 0)
    up()
    await pass(clock, 100)
    t.equal(spent(), 70)
  })
})

t.test('a spool that cannot be written lets nothing through that has a budget', async (t) => {
  const { admit } = scene({ on_store_down: 'allow' }, { healthy: false })
  t.equal(admit([budget(1)]), 'refused')
  t.not(admit([rate()]), 'refused')
})

t.test('shadow', async (t) => {
  t.test('lets this gateway\'s part of what was left through', async (t) => {
    const { request, admit, down } = scene({ on_store_down: 'shadow' }, { replicas: 2 })
    t.equal(admit([budget(1, 1_000)]), 'refused', 'nothing is known of the budget')
    await request([budget(100, 1_000)], 100)
    down()
    t.equal(letIn(() => admit([budget(100, 1_000)]), 20), 4, 'half of 900')
  })

  t.test('counts what requests came to, and no longer what the store has counted', async (t) => {
    const { request, admit, admitted, down, up, clock, spent } = scene({ on_store_down: 'shadow' })
    await request([budget(100, 1_000)], 100)
    down()
    const grants = Array.from({ length: 9 }, () => admitted([budget(100, 1_000)]))
    t.equal(admit([budget(100, 1_000)]), 'refused')
    for (const grant of grants.slice(0, 8)) await grant.settle(charge(50), undefined)
    await grants[8]?.release(undefined)
    t.equal(letIn(() => admit([budget(100, 1_000)]), 20), 5)
    up()
    await pass(clock, 100)
    t.equal(spent(), 500)
    t.equal(admit([budget(100, 1_000)]), 'refused', 'what was left before the outage is not left again after it')
  })

  t.test('lets no more tokens through than its cap, whatever the limits', async (t) => {
    const { admit, admitted, down, up, clock } = scene({ on_store_down: 'shadow', shadow_cap: 1_000 })
    down()
    t.equal(letIn(() => admit([rate()], 300), 10), 3)
    const grant = admitted([rate()], 100)
    t.equal(admit([rate()], 1), 'refused')
    await grant.release(undefined)
    await admitted([rate()], 100).settle([rate()], undefined)
    t.equal(admit([rate()], 1), 'refused', 'the store has not counted them')
    up()
    await pass(clock, 100)
    t.not(admit([rate()], 100), 'refused')
  })

  t.test('takes a window that has begun since for a whole one', async (t) => {
    const { request, admit, clock, down } = scene({ on_store_down: 'shadow' }, { replicas: 2 })
    const nowMs = clock.nowMs()
    const daily: BudgetClaim = {
      kind: 'budget',
      id: BUDGET,
      cost: 100,
      windows: [
        { id: 'day1', startMs: 0, endMs: nowMs + 60_000, amount: 1_000 }, { id: 'day2', startMs: nowMs + 60_000, endMs: nowMs + 120_000, amount: 1_000 }
      ]
    }
    await request([{ ...daily, cost: 900 }], 900)
    down()
    t.equal(admit([daily]), 'refused')
    clock.advance(60_000)
    t.equal(letIn(() => admit([daily]), 20), 5)
    clock.advance(60_000)
    t.equal(admit([daily]), 'refused', 'a time in no window')
  })
})

t.test('escrow', async (t) => {
  const AMOUNT = 100_000

  t.test('sets a hundredth of what is left aside, once', async (t) => {
    const { request, held } = scene({ on_store_down: 'escrow' })
    await request([budget(1_000, AMOUNT)], 1_000)
    t.equal(held(), 990)
    await request([budget(1_000, AMOUNT)], 1_000)
    t.equal(held(), 990)
  })

  t.test('lets through what is set aside and nothing more', async (t) => {
    const { request, admit, down } = scene({ on_store_down: 'escrow' })
    t.equal(admit([budget(1, AMOUNT)]), 'refused', 'nothing is set aside yet')
    await request([budget(1_000, AMOUNT)], 1_000)
    down()
    t.equal(letIn(() => admit([budget(300, AMOUNT)]), 10), 3)
    t.equal(letIn(() => admit([budget(90, AMOUNT)]), 10), 1)
  })

  t.test('counts what was drawn once: by the requests, and not by what was set aside', async (t) => {
    const { request, admitted, admit, down, up, spent, held, clock, outage } = scene({ on_store_down: 'escrow' })
    await request([budget(1_000, AMOUNT)], 1_000)
    down()
    const grants = Array.from({ length: 3 }, () => admitted([budget(300, AMOUNT)]))
    await grants[0]?.settle(charge(200), undefined)
    await grants[1]?.settle(charge(300), undefined)
    await grants[2]?.release(undefined)
    t.equal(letIn(() => admit([budget(490, AMOUNT)]), 3), 1, 'the rest of 990 is there again')
    up()
    await pass(clock, 500)
    t.equal(spent(), 1_500)
    t.equal(held(), 990, 'it backs the next outage')
    await outage.close()
    t.equal(held(), 990, 'one request still draws on it')
  })

  t.test('is given back in the end, and only when everything drawn from it is counted', async (t) => {
    const { request, admitted, down, up, spent, held, clock, outage } = scene({ on_store_down: 'escrow' })
    await request([budget(1_000, AMOUNT)], 1_000)
    down()
    await admitted([budget(300, AMOUNT)]).settle(charge(250), undefined)
    await outage.close()
    t.equal(held(), 990)
    up()
    await pass(clock, 5_000)
    t.equal(held(), 0)
    t.equal(spent(), 1_250)
  })

  t.test('charges from what was set aside what the store will never take otherwise', async (t) => {
    const { request, admitted, held, spent, clock, outage, connection } = scene({ on_store_down: 'escrow' })
    await request([budget(1_000, AMOUNT)], 1_000)
    connection.fate = ({ rid }) => {
      if (rid === 'local2') throw new TypeError('the store finds fault with it')
      return 'answered'
    }
    await admitted([budget(300, AMOUNT)]).settle(charge(250), undefined)
    await admitted([budget(300, AMOUNT)]).settle(charge(200), undefined)
    await pass(clock, 10_000, 250)
    t.equal(spent(), 1_200, 'one is missing')
    await outage.close()
    t.equal(held(), 0)
    t.equal(spent(), 1_450)
  })

  t.test('shrinks with what is left, and grows with it', async (t) => {
    const { request, held, spent } = scene({ on_store_down: 'escrow' })
    await request([budget(1_000, AMOUNT)], 1_000)
    for (let requests = 0; requests < 9; requests++) await request([budget(10_000, AMOUNT)], 10_000)
    t.equal(spent(), 91_000)
    t.ok(held() <= 400, `${held()} of 9,000`)
    await request([budget(8_300, AMOUNT)], 0)
    await request([budget(1, AMOUNT)], 0)
    t.ok(held() >= 40 && held() <= 180, `${held()} of 9,000`)
    await request([budget(1, 1_000_000)], 0)
    t.equal(held(), 9_089)
  })

  t.test('is given back where a hundredth of what is left is nothing', async (t) => {
    const { request, held } = scene({ on_store_down: 'escrow' })
    await request([budget(1_000, AMOUNT)], 1_000)
    await request([budget(98_000, AMOUNT)], 98_000)
    await request([budget(950, AMOUNT)], 950)
    await request([budget(10, AMOUNT)], 10)
    t.equal(held(), 0)
  })

  t.test('is renewed with the requests\' own reservations', async (t) => {
    const { request, held, clock } = scene({ on_store_down: 'escrow' })
    await request([budget(1_000, AMOUNT)], 1_000)
    await pass(clock, 300_000, 1_000)
    t.equal(held(), 990)
  })

  t.test('is changed for a new one in time, and given back where nobody uses the budget', async (t) => {
    const { request, clock, store, down, admit } = scene({ on_store_down: 'escrow' })
    const rids = (): string[] => [...store.state(TEAM).reservations.keys()]
    await request([budget(1_000, AMOUNT)], 1_000)
    t.strictSame(rids(), ['escrow:boot:1'])
    for (let minutes = 0; minutes < 31; minutes++) {
      await pass(clock, 60_000, 1_000)
      await request([budget(1, AMOUNT)], 0)
    }
    t.strictSame(rids(), ['escrow:boot:2'])
    down()
    await pass(clock, 20_000, 1_000)
    t.equal(letIn(() => admit([budget(900, AMOUNT)]), 3), 1)
    const idle = scene({ on_store_down: 'escrow' })
    await idle.request([budget(1_000, AMOUNT)], 1_000)
    await pass(idle.clock, 12 * 60_000, 1_000)
    t.equal(idle.held(), 0)
  })

  t.test('keeps what requests live on while the store is away', async (t) => {
    const { request, admit, clock, down } = scene({ on_store_down: 'escrow' })
    await request([budget(1_000, AMOUNT)], 1_000)
    down()
    await pass(clock, 40 * 60_000, 5_000)
    t.equal(letIn(() => admit([budget(900, AMOUNT)]), 3), 1)
  })

  t.test('holds nothing that was denied or never answered', async (t) => {
    const { request, connection, store, held, clock } = scene({ on_store_down: 'escrow' })
    connection.fate = ({ rid }) => rid?.startsWith('escrow') === true ? 'reply_lost' : 'answered'
    await request([budget(1_000, AMOUNT)], 1_000)
    connection.fate = 'answered'
    await pass(clock, 5_000)
    t.equal(held(), 0)
    t.equal(store.isFinal(TEAM, 'escrow:boot:1'), true)
  })

  t.test('is not there for the next window', async (t) => {
    const { request, admit, clock } = scene({ on_store_down: 'escrow' })
    const nowMs = clock.nowMs()
    const daily = (cost: number): BudgetClaim => ({
      kind: 'budget',
      id: BUDGET,
      cost,
      windows: [
        { id: 'day1', startMs: 0, endMs: nowMs + 60_000, amount: AMOUNT }, { id: 'day2', startMs: nowMs + 60_000, endMs: nowMs + 120_000, amount: AMOUNT }
      ]
    })
    await request([daily(1_000)], 1_000)
    clock.advance(60_000)
    t.equal(admit([daily(10)]), 'refused')
    await request([daily(1_000)], 1_000)
    t.not(admit([daily(10)]), 'refused')
  })

  t.test('leaves rates to local buckets', async (t) => {
    const { request, admit, down } = scene({ on_store_down: 'escrow' }, { replicas: 2 })
    await request([rate(1, 600, 10), budget(1_000, AMOUNT)], 1_000)
    down()
    t.equal(letIn(() => admit([rate(1, 600, 10), budget(1, AMOUNT)]), 20), 5)
  })
})

t.test('every request that was let in is written down when the store is back, however it ended', async (t) => {
  for (const policy of ['escrow', 'shadow', 'allow'] as const) {
    const { request, outage, store, down, up, spent, clock } = scene({ on_store_down: policy })
    await request([budget(100, 10_000)], 100)
    down()
    const recordOf = (requestId: string): LedgerRecord => ({ requestId } as LedgerRecord)
    const grants = ['used', 'free', 'unknown'].map((name) => {
      const grant = outage.admit({
        team: { id: TEAM, settings: { on_store_down: policy }, createdMs: 0, revision: 1 },
        claims: [budget(30, 10_000)],
        tokens: 1,
        rid: name,
        bornMs: clock.nowMs(),
        expiry: recordOf(`${name}, all that was held`)
      })
      if (grant === 'refused') throw new Error('it was refused')
      return grant
    })
    await grants[0]?.settle(charge(20), recordOf('used'))
    await grants[1]?.release(recordOf('free'))
    grants[2]?.abandon()
    up()
    await pass(clock, 500)
    t.same(store.ledger.map(({ requestId }) => requestId).sort(), ['free', 'unknown, all that was held', 'used'], policy)
    t.equal(spent(), 100 + 20 + 30, policy)
    await outage.close()
  }
})
