// What limits cost a Redis: the time of its process for each call, user and system, of a server of this benchmark's own.
import { createRedisLimitStore } from '../src/store/redis/limits.ts'
import { openRedisConnection } from '../src/store/redis/connection.ts'
import { RENEW_RESERVATIONS_MAX } from '../src/limits/store.ts'
import { startRedis } from '../test/support/redis.ts'
import { systemClock, systemIds } from '../src/system.ts'
import { voidOf } from '../src/limits/void.ts'
import { writeSection } from './results.ts'
import type { Claim } from '../src/limits/claim.ts'
import type { LedgerRecord } from '../src/metering/ledger.ts'
import type { ReserveCall, SettleCall } from '../src/limits/store.ts'

interface Scenario { readonly name: string, readonly team: string, readonly counts: Counts, readonly standing: number }
interface Counts { readonly rates: number, readonly places: number, readonly budgets: number }

const ROUNDS = 9
const CALLS = 1_000
const AT_ONCE = 100
const RENEWED = 20
const RENEW_CALLS = 200
const NEVER = Number.MAX_SAFE_INTEGER

const TYPICAL = { rates: 2, places: 1, budgets: 2 }
const SCENARIOS: readonly Scenario[] = [
  { name: 'minimal: 1 rate, 1 concurrency, 1 budget', team: 'minimal', counts: { rates: 1, places: 1, budgets: 1 }, standing: 0 },
  { name: 'typical: 2 rates, 1 concurrency, 2 budgets', team: 'typical', counts: TYPICAL, standing: 0 },
  { name: 'full: 4 rates, 2 concurrencies, 4 budgets', team: 'full', counts: { rates: 4, places: 2, budgets: 4 }, standing: 0 },
  { name: 'typical, while 10,000 others are held', team: 'standing', counts: TYPICAL, standing: 10_000 }
]
const PHASES = ['reserve', 'settle', 'settle again', 'deny', 'renew 20'] as const
type Phase = typeof PHASES[number]

const server = await startRedis()
const connection = openRedisConnection(server.url, systemRandom())
await new Promise<void>((resolve) => { connection.onReady(resolve) })
const store = createRedisLimitStore({ connection, clock: systemClock, timeoutMs: { reserve: 10_000, other: 10_000 } })
const samples = new Map(SCENARIOS.map(({ team }) => [team, new Map<Phase, number[]>(PHASES.map((phase) => [phase, []]))]))
const standing = new Map<string, string[]>()

for (const scenario of SCENARIOS) await fill(scenario)
// The first round warms both sides and does not count.
for (let round = 0; round <= ROUNDS; round++) {
  for (const scenario of SCENARIOS) await measure(scenario, round > 0)
}
const info = await connection.client.info()
connection.close()
await server.stop()
report(/(?:valkey|redis)_version:(\S+)/.exec(info)?.[1] ?? '')

function systemRandom (): { random: () => number } {
  return { random: Math.random }
}

async function fill ({ team, counts, standing: count }: Scenario): Promise<void> {
  const calls = Array.from({ length: count }, () => callOf(team, counts))
  await inTurns(calls, (call) => store.reserve(call))
  standing.set(team, calls.map(({ rid }) => rid))
}

async function measure (scenario: Scenario, counts: boolean): Promise<void> {
  const { team } = scenario
  const held = standing.get(team) ?? []
  for (let from = 0; from < held.length; from += RENEW_RESERVATIONS_MAX) await store.renew({ team, rids: held.slice(from, from + RENEW_RESERVATIONS_MAX) })
  const calls = Array.from({ length: CALLS }, () => callOf(team, scenario.counts))
  const settlements = calls.map(settlementOf)
  const refused = Array.from({ length: CALLS }, () => callOf(team, scenario.counts, 0))
  const rids = calls.slice(0, RENEWED).map(({ rid }) => rid)
  const steps: readonly (readonly [Phase, number, () => Promise<void>])[] = [
    ['reserve', CALLS, () => inTurns(calls, (call) => store.reserve(call), 'granted')],
    ['renew 20', RENEW_CALLS, () => inTurns(Array.from({ length: RENEW_CALLS }), () => store.renew({ team, rids }))],
    ['deny', CALLS, () => inTurns(refused, (call) => store.reserve(call), 'denied')],
    ['settle', CALLS, () => inTurns(settlements, (call) => store.settle(call), 'settled')],
    ['settle again', CALLS, () => inTurns(settlements, (call) => store.settle(call), 'repeated')]
  ]
  for (const [phase, count, step] of steps) {
    const before = await cpuMicros()
    await step()
    const perCall = (await cpuMicros() - before) / count
    if (counts) samples.get(team)?.get(phase)?.push(perCall)
  }
}

/** Sends calls a hundred at once, over one connection, and looks at what they say. */
async function inTurns<Call> (calls: readonly Call[], send: (call: Call) => Promise<object>, expected?: string): Promise<void> {
  for (let from = 0; from < calls.length; from += AT_ONCE) {
    for (const reply of await Promise.all(calls.slice(from, from + AT_ONCE).map(send))) {
      if (expected !== undefined && !('status' in reply && reply.status === expected)) throw new Error(`${JSON.stringify(reply)} is not ${expected}`)
    }
  }
}

async function cpuMicros (): Promise<number> {
  const info = await connection.client.info('cpu')
  const seconds = (name: string): number => Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1])
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6
}

function callOf (team: string, counts: Counts, budgetAmount = 2 ** 52): ReserveCall {
  const bornMs = Date.now()
  const call: ReserveCall = {
    team, rid: `${systemIds.requestId()}#1`, bornMs, claims: claimsOf(counts, bornMs, budgetAmount), mode: 'reserve', expiry: undefined
  }
  return { ...call, expiry: { ...recordOf(call), outcome: 'expired', status: 500, upstreamRequestId: undefined, firstContentMs: undefined, durationMs: 0 } }
}

function claimsOf ({ rates, places, budgets }: Counts, nowMs: number, amount: number): Claim[] {
  const dayMs = 24 * 3_600_000
  const startMs = Math.floor(nowMs / dayMs) * dayMs
  return [
    ...Array.from({ length: rates }, (_, index) => ({ kind: 'rate', id: `k.abcdefgh.rate${index}`, perMinute: 1e9, burst: 1e9, cost: 1_500 } as const)),
    ...Array.from({ length: places }, (_, index) => ({ kind: 'concurrency', id: `k.abcdefgh.conc${index}`, limit: NEVER } as const)),
    ...Array.from({ length: budgets }, (_, index) => ({
      kind: 'budget', id: `k.abcdefgh.b.daily${index}`, cost: 150_000, windows: [{ id: String(startMs), startMs, endMs: startMs + dayMs, amount }]
    } as const))
  ]
}

function settlementOf (call: ReserveCall): SettleCall {
  const settlement = voidOf(call)
  const charges = settlement.charges.map((charge) => charge.kind === 'concurrency' ? charge : { ...charge, cost: 1_000 })
  return { ...settlement, charges, record: recordOf(call) }
}

function recordOf ({ team, rid, bornMs }: ReserveCall): LedgerRecord {
  return {
    requestId: rid.slice(0, 36),
    timeMs: bornMs,
    team,
    keyId: 'abcdefgh',
    model: 'qwen-coder-turbo',
    upstreamModel: 'qwen-coder-turbo-0919',
    surface: 'openai',
    upstream: 'bailian',
    upstreamRequestId: 'b1c2d3e4-f5a6-4789-8abc-def012345678',
    stream: true,
    attempt: 1,
    superseded: false,
    attempts: 1,
    status: 200,
    outcome: 'completed',
    errorKind: undefined,
    usage: { inputTokens: 1_085, cachedInputTokens: 64, outputTokens: 250, reasoningTokens: 0, source: 'reported' },
    costNano: 1_670_000,
    currency: 'CNY',
    firstContentMs: 320,
    durationMs: 4_100,
    limits: []
  }
}

function report (version: string): void {
  const rows = SCENARIOS.map(({ name, team }) => `| ${name} | ${PHASES.map((phase) => spread(samples.get(team)?.get(phase) ?? [])).join(' | ')} |`)
  const lines = [
    `µs of the server process for each call, user and system: median of ${ROUNDS} rounds of ${CALLS} calls (${RENEW_CALLS} renewals), lowest and highest`,
    `in brackets. The sets take turns; ${AT_ONCE} calls are under way at once on one connection. A settlement carries a ledger record of 590 bytes.`,
    '',
    `| set of limits | ${PHASES.join(' | ')} |`,
    `|---|${PHASES.map(() => '---|').join('')}`,
    ...rows
  ]
  console.log(lines.join('\n'))
  writeSection({ title: 'Redis CPU per call', command: 'npm run bench:store', versions: [`Redis ${version}`], lines })
}

function spread (values: readonly number[]): string {
  const sorted = values.toSorted((one, other) => one - other)
  const at = (index: number): string => (sorted[index] ?? 0).toFixed(1)
  return `**${at(sorted.length >> 1)}** (${at(0)}–${at(sorted.length - 1)})`
}
