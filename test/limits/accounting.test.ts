import fc from 'fast-check'
import t from 'tap'
import { BUDGET, PLACES, TEAM, budget, pass, place, rate, turns } from './trouble-scene.ts'
import { createManualClock } from '../support/fixed.ts'
import { createTroubleStore } from './trouble-store.ts'
import { startReplica } from './trouble-replica.ts'
import type { Fate, TroubleStore } from './trouble-store.ts'
import type { Replica, Running } from './trouble-replica.ts'
import type { Team } from '../../src/accounts/account.ts'

const spentIn = (store: TroubleStore): number => store.counter(TEAM, `bs:${BUDGET}:always`)
const heldIn = (store: TroubleStore): number => store.counter(TEAM, `br:${BUDGET}:always`)
const team = (policy: Team['settings']['on_store_down'] = 'deny'): Team => ({ id: TEAM, settings: { on_store_down: policy }, createdMs: 0, revision: 1 })

async function scene (replicas = 1) {
  const clock = createManualClock()
  const store = createTroubleStore(clock)
  const gateways: Replica[] = []
  for (let index = 0; index < replicas; index++) gateways.push(await startReplica({ clock, store, name: `gw${index}`, replicas, teams: [TEAM] }))
  return { clock, store, gateways, gateway: gateways[0] as Replica }
}

async function letIn (gateway: Replica, rid: string, cost = 100): Promise<Running> {
  const running = await gateway.request(team(), rid, [rate(), place(), budget(cost)])
  if (running === undefined) throw new Error('it was refused')
  return running
}

t.test('notices a rollback by the next reply, and writes again what was lost of the last two minutes', async (t) => {
  const { clock, store, gateway } = await scene()
  await (await letIn(gateway, 'before')).settle(10)
  const back = store.snapshot()
  await (await letIn(gateway, 'lost')).settle(20)
  const live = await letIn(gateway, 'live')
  back()
  t.equal(spentIn(store), 10)
  await gateway.accounting.store.renew({ team: TEAM, rids: [] })
  await turns(20)
  t.equal(spentIn(store), 30)
  t.equal(heldIn(store), 100, 'what lives is held again')
  t.match(gateway.events.filter(({ kind }) => kind === 'store_rollback' || kind === 'recovered'), [{ kind: 'store_rollback', loss: 'rollback' }])
  t.equal(await gateway.request(team(), 'early', [budget(1)]), undefined, 'budgets are on hold')
  await pass(clock, 3_500)
  t.match(gateway.events.at(-1), { kind: 'recovered' })
  t.ok(await gateway.request(team(), 'later', [budget(1)]))
  await live.settle(30)
  t.equal(spentIn(store), 60)
})

t.test('writes again all it ever had acknowledged after a total loss, also of earlier lives', async (t) => {
  const { clock, store, gateway } = await scene()
  await (await letIn(gateway, 'a')).settle(10)
  await pass(clock, 150_000, 5_000)
  await gateway.crash()
  await (await letIn(gateway, 'b')).settle(20)
  store.flushAll()
  await pass(clock, 8_000)
  t.match(gateway.events.filter(({ kind }) => kind === 'store_rollback'), [{ loss: 'total' }])
  t.equal(spentIn(store), 30)
  store.flushAll()
  await pass(clock, 8_000)
  t.equal(spentIn(store), 30, 'and again, not twice')
})

t.test('notices at its start that the store has lost everything meanwhile', async (t) => {
  const { clock, store, gateway } = await scene()
  await (await letIn(gateway, 'a')).settle(10)
  await pass(clock, 150_000, 5_000)
  store.flushAll()
  await gateway.crash()
  await pass(clock, 4_000)
  t.equal(spentIn(store), 10)
})

t.test('notices a loss of a team that nobody has asked for since its start', async (t) => {
  const { clock, store, gateway } = await scene()
  await (await letIn(gateway, 'a')).settle(10)
  await gateway.crash()
  await pass(clock, 150_000, 5_000)
  store.flushAll()
  await pass(clock, 10_000, 1_000)
  t.equal(spentIn(store), 10)
})

t.test('tells other gateways of a loss that they cannot see', async (t) => {
  const { clock, store, gateways: [first, second] } = await scene(2)
  if (first === undefined || second === undefined) throw new Error('two are needed')
  await (await letIn(first, 'before')).settle(3)
  const back = store.snapshot()
  await (await letIn(second, 'lost')).settle(20)
  for (let index = 0; index < 5; index++) await (await letIn(first, `a${index}`)).settle(1)
  back()
  // The first one notices. By the time the second one looks, the version is higher than any it has seen.
  for (let index = 0; index < 8; index++) await first.request(team(), `b${index}`, [rate()])
  await turns(20)
  t.equal(second.events.some(({ kind }) => kind === 'store_rollback'), false)
  t.equal(spentIn(store), 8)
  await pass(clock, 6_000)
  t.equal(second.events.some(({ kind }) => kind === 'store_rollback'), false)
  t.equal(spentIn(store), 28)
})

t.test('sends again after a new connection what may be lost without a sign', async (t) => {
  const { store, gateway } = await scene()
  await (await letIn(gateway, 'before')).settle(3)
  const back = store.snapshot()
  await (await letIn(gateway, 'lost')).settle(20)
  back()
  // Somebody else's writes hide it.
  const other = store.connect()
  for (let index = 0; index < 9; index++) await other.settle({ team: TEAM, rid: `other${index}`, bornMs: Date.UTC(2026, 0, 1), charges: [], record: undefined })
  await gateway.accounting.store.renew({ team: TEAM, rids: [] })
  await turns(20)
  t.equal(spentIn(store), 3)
  gateway.accounting.suspect()
  await turns(20)
  t.equal(spentIn(store), 23)
})

t.test('charges in full what ran when its gateway died, and gives back its escrow', async (t) => {
  const { clock, store, gateway } = await scene()
  const claims = [place(), budget(1_000, 100_000)]
  await (await gateway.request(team('escrow'), 'first', claims))?.settle(1_000)
  await turns()
  t.equal(heldIn(store), 990)
  await gateway.request(team('escrow'), 'granted', claims)
  gateway.fate('lost')
  for (let index = 0; index < 5; index++) await gateway.request(team('escrow'), `x${index}`, claims)
  const local = await gateway.request(team('escrow'), 'local', [place(), budget(300, 100_000)])
  t.equal(local?.by, 'outage')
  await turns()
  await gateway.crash()
  await pass(clock, 40_000)
  t.equal(spentIn(store), 2_300)
  t.equal(heldIn(store), 0)
  t.equal(store.counter(TEAM, `c:${PLACES}`), 0)
})

t.test('sets nothing aside where the store is its own', async (t) => {
  const clock = createManualClock()
  const store = createTroubleStore(clock)
  const gateway = await startReplica({ clock, store, name: 'gw', isAlone: true })
  await (await gateway.request(team('escrow'), 'first', [budget(1_000, 100_000)]))?.settle(1_000)
  await turns()
  t.equal(heldIn(store), 0)
})

t.test('closes with nothing held and nothing pending', async (t) => {
  const { clock, store, gateway } = await scene()
  await (await gateway.request(team('escrow'), 'first', [budget(1_000, 100_000)]))?.settle(1_000)
  await turns()
  await gateway.accounting.close(1_000)
  t.equal(heldIn(store), 0)
  t.equal(gateway.accounting.settlements.pending, 0)
  t.equal(clock.pending, 0)
})

const fates = fc.constantFrom<Fate>('answered', 'lost', 'reply_lost', 'delayed', { code: 'READONLY' }, { code: 'OOM' })
const policies = fc.constantFrom<Team['settings']['on_store_down']>('deny', 'escrow', 'shadow', 'allow')
const gatewayIndex = fc.nat(1)
const steps = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('request' as const), gateway: gatewayIndex, cost: fc.integer({ min: 1, max: 400 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(9), used: fc.integer({ min: 0, max: 120 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('fate' as const), gateway: gatewayIndex, main: fates, spare: fates }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(0, 50, 600, 6_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('long' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('snapshot' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rollback' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), gateway: gatewayIndex }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('idle_crash' as const), gateway: gatewayIndex }) }
)
type Step = typeof steps extends fc.Arbitrary<infer Value> ? Value : never

/** Plays the steps on two gateways, ends everything, and tells what should have been charged. */
async function play (script: readonly Step[], policy: Team['settings']['on_store_down'], { amount, allowed }: { amount: number, allowed: ReadonlySet<Step['kind']> }) {
  const { clock, store, gateways } = await scene(2)
  const running: { readonly request: Running, readonly gateway: Replica, readonly cost: number }[] = []
  let charged = 0
  let requests = 0
  let snapshot: { readonly back: () => void, readonly timeMs: number } | undefined
  const settledRids: string[] = []
  let overspent = 0
  const look = (): void => { overspent = Math.max(overspent, spentIn(store) + heldIn(store) - amount) }

  async function end (place: number, used: number): Promise<void> {
    for (const { request, cost } of running.splice(place, 1)) {
      const actual = Math.floor(cost * used / 100)
      charged += actual
      settledRids.push(request.rid)
      await request.settle(actual)
    }
  }

  async function take (step: Step): Promise<void> {
    switch (step.kind) {
      case 'request': {
        const gateway = gateways[step.gateway] as Replica
        const request = await gateway.request(team(policy), `q${++requests}`, [rate(), place(20), budget(step.cost, amount)])
        if (request !== undefined) running.push({ request, gateway, cost: step.cost })
        break
      }
      case 'end': return await end(step.which % Math.max(1, running.length), step.used)
      case 'fate': return gateways[step.gateway]?.fate(step.main, step.spare)
      case 'pass':
        await pass(clock, step.ms, step.ms > 1_000 ? 500 : 50)
        store.deliver()
        break
      case 'long':
        await pass(clock, 150_000, 5_000)
        store.deliver()
        break
      case 'snapshot':
        snapshot = { back: store.snapshot(), timeMs: clock.monotonicMs() }
        break
      case 'rollback':
        if (snapshot === undefined || clock.monotonicMs() - snapshot.timeMs > 60_000) break
        snapshot.back()
        snapshot = undefined
        // A store that fails over breaks its connections.
        for (const { accounting } of gateways) accounting.suspect()
        break
      case 'flush':
        store.flushAll()
        // The time is in the names of epochs, and here it stands still.
        clock.advance(1)
        snapshot = undefined
        break
      case 'idle_crash': {
        const gateway = gateways[step.gateway] as Replica
        while (running.some((entry) => entry.gateway === gateway)) await end(running.findIndex((entry) => entry.gateway === gateway), 50)
        await gateway.crash()
        break
      }
      case 'crash': {
        const gateway = gateways[step.gateway] as Replica
        // Nobody knows any more what these used: it is all of it.
        for (const lost of running.filter((entry) => entry.gateway === gateway)) {
          charged += lost.cost
          running.splice(running.indexOf(lost), 1)
        }
        await gateway.crash()
        break
      }
    }
  }

  for (const step of script) {
    if (allowed.has(step.kind)) await take(step)
    look()
  }
  for (const gateway of gateways) gateway.fate('answered')
  await pass(clock, 12_000, 250)
  store.deliver()
  while (running.length > 0) await end(0, 50)
  await pass(clock, 45_000, 500)
  look()
  const pending = gateways.map(({ accounting }) => accounting.settlements.pending)
  const withEscrow = heldIn(store)
  for (const { accounting } of gateways) await accounting.close(1_000)
  await turns(20)
  return { store, charged, settledRids, overspent, pending, withEscrow, clock, gateways }
}

type Played = Awaited<ReturnType<typeof play>>

function assertQuiet ({ store, charged, pending, clock }: Played): void {
  if (spentIn(store) !== charged) throw new Error(`charged ${spentIn(store)} in the place of ${charged}`)
  if (heldIn(store) !== 0) throw new Error(`${heldIn(store)} is still held`)
  if (store.counter(TEAM, `c:${PLACES}`) !== 0) throw new Error('a place is still taken')
  if (pending.some((count) => count !== 0)) throw new Error(`pending: ${pending.join()}`)
  if (clock.pending !== 0) throw new Error('a timer is left')
}

function assertRecorded ({ store, settledRids }: Played): void {
  const records = store.ledger.map(({ requestId }) => requestId)
  if (new Set(records).size !== records.length) throw new Error('a record is there twice')
  for (const rid of settledRids) if (!records.includes(rid)) throw new Error(`no record of ${rid}`)
}

const ORDINARY = ['request', 'end', 'fate', 'pass'] as const
const runs = (numRuns: number) => ({ numRuns, endOnFailure: false })

t.test('charges every request once, and records it once, whatever is lost on the way, and overspends nothing', async () => {
  await fc.assert(fc.asyncProperty(fc.array(steps, { maxLength: 40 }), fc.constantFrom('deny' as const, 'escrow' as const), async (script, policy) => {
    const played = await play(script.map(withoutOverrun), policy, { amount: 2_000, allowed: new Set([...ORDINARY, 'long']) })
    assertQuiet(played)
    assertRecorded(played)
    if (played.overspent > 0) throw new Error(`overspent by ${played.overspent}`)
  }), runs(60))
})

t.test('charges every request once under every policy, also those that run over', async () => {
  await fc.assert(fc.asyncProperty(fc.array(steps, { maxLength: 40 }), policies, async (script, policy) => {
    const played = await play(script, policy, { amount: 100_000, allowed: new Set([...ORDINARY, 'long']) })
    assertQuiet(played)
    assertRecorded(played)
  }), runs(60))
})

t.test('charges a request once that is settled between two losses', async () => {
  const script: Step[] = [{ kind: 'request', gateway: 0, cost: 2 }, { kind: 'flush' }, { kind: 'end', which: 0, used: 50 }, { kind: 'flush' }, { kind: 'snapshot' }, { kind: 'rollback' }]
  assertQuiet(await play(script, 'deny', { amount: 100_000, allowed: new Set(['request', 'end', 'snapshot', 'rollback', 'flush']) }))
})

t.test('charges every request once, though the store goes back or loses everything', async () => {
  await fc.assert(fc.asyncProperty(fc.array(steps, { maxLength: 40 }), policies, async (script, policy) => {
    assertQuiet(await play(script, policy, { amount: 100_000, allowed: new Set([...ORDINARY, 'long', 'snapshot', 'rollback', 'flush']) }))
  }), runs(120))
})

t.test('charges every request once, though gateways die and the store loses what it had', async () => {
  const allowed = new Set([...ORDINARY, 'long' as const, 'snapshot' as const, 'rollback' as const, 'flush' as const, 'idle_crash' as const])
  await fc.assert(fc.asyncProperty(fc.array(steps, { maxLength: 40 }), policies, async (script, policy) => {
    assertQuiet(await play(script, policy, { amount: 100_000, allowed }))
  }), runs(120))
})

t.test('charges in full what ran when a gateway died, and everything else once', async () => {
  await fc.assert(fc.asyncProperty(fc.array(steps, { maxLength: 40 }), policies, async (script, policy) => {
    const played = await play(script, policy, { amount: 100_000, allowed: new Set([...ORDINARY, 'long', 'crash']) })
    assertQuiet(played)
    assertRecorded(played)
  }), runs(60))
})

function withoutOverrun (step: Step): Step {
  return step.kind === 'end' ? { ...step, used: Math.min(100, step.used) } : step
}
