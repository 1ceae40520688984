import { DatabaseSync } from 'node:sqlite'
import { createAccounting } from '../../src/limits/accounting.ts'
import { createSpool } from '../../src/store/spool.ts'
import { StoreUnavailable } from '../../src/limits/store.ts'
import { createReports, settleCall, turns } from './trouble-scene.ts'
import type { Accounting } from '../../src/limits/accounting.ts'
import type { Claim } from '../../src/limits/claim.ts'
import type { Connection, Fate, TroubleStore } from './trouble-store.ts'
import type { LedgerRecord } from '../../src/metering/ledger.ts'
import type { ManualClock } from '../support/fixed.ts'
import type { Charge, LimitStore, ReserveCall } from '../../src/limits/store.ts'
import type { Team } from '../../src/accounts/account.ts'
import type { TroubleEvent } from '../../src/limits/trouble.ts'

/** A gateway's accounting on a troubled store, with a spool that outlives it. */
export interface Replica {
  readonly accounting: Accounting
  readonly events: readonly TroubleEvent[]
  fate (fate: Fate, spareFate?: Fate): void
  /** @returns the request, if it was let in */
  request (team: Team, rid: string, claims: readonly Claim[]): Promise<Running | undefined>
  /** What runs is never heard of again. The spool is opened anew, by the next life. */
  crash (): Promise<void>
}

export interface Running {
  readonly rid: string
  /** By the store, or by the team's on_store_down. */
  readonly by: 'store' | 'outage'
  readonly claims: readonly Claim[]
  settle (cost: number): Promise<void>
  release (): Promise<void>
}

export interface ReplicaOptions {
  readonly clock: ManualClock
  readonly store: TroubleStore
  readonly name: string
  readonly replicas?: number
  readonly teams?: readonly string[]
  /** Whether the store is its own, and needs no spool. */
  readonly isAlone?: boolean
}

export async function startReplica (options: ReplicaOptions): Promise<Replica> {
  const { clock, store, name } = options
  const connections: Connection[] = [store.connect(), store.connect()]
  const database = new DatabaseSync(':memory:')
  const reports = createReports()
  let ids = 0
  let lives = 0
  let life = createLife(clock)
  let accounting = await live()

  async function live (): Promise<Accounting> {
    connections.splice(0, 2, store.connect(), store.connect())
    const [main, spare] = connections as [Connection, Connection]
    const spool = options.isAlone === true ? undefined : createSpool(database, { clock, createId: () => `${name}${++ids}`, report: reports.report })
    const made = createAccounting({ main: life.connection(main), spare: life.connection(spare) }, {
      clock: life.clock,
      random: () => 0.5,
      bootId: `${name}-${++lives}`,
      replicas: options.replicas ?? 1,
      spool,
      teams: () => options.teams ?? [],
      report: reports.report
    })
    await made.start()
    return made
  }

  async function request (team: Team, rid: string, claims: readonly Claim[]): Promise<Running | undefined> {
    const { store, leases, outage, settlements } = accounting
    const call: ReserveCall = { team: team.id, rid, bornMs: clock.nowMs(), claims, mode: 'reserve', expiry: undefined }
    try {
      const reply = await store.reserve(call)
      if (reply.status !== 'granted') return undefined
      leases.begin(call, reply.standings)
      outage.observe(team, claims, reply.standings)
      const finish = async (cost: number, record: LedgerRecord | undefined): Promise<void> => {
        leases.end(team.id, rid)
        await settlements.settle(settleCall(call, cost, record))
      }
      return { rid, by: 'store', claims, settle: (cost) => finish(cost, recordOf(rid)), release: () => finish(0, undefined) }
    } catch (caught) {
      if (!(caught instanceof StoreUnavailable)) throw caught
      const localRid = `${rid}-local`
      const grant = outage.admit({ team, claims, tokens: 1, rid: localRid, bornMs: call.bornMs, expiry: recordOf(localRid) })
      if (grant === 'refused') return undefined
      const charges = (cost: number): readonly Charge[] => settleCall(call, cost).charges
      return { rid: localRid, by: 'outage', claims, settle: (cost) => grant.settle(charges(cost), recordOf(localRid)), release: () => grant.release(recordOf(localRid)) }
    }
  }

  return {
    get accounting () { return accounting },
    events: reports.events,
    fate (fate, spareFate = fate) {
      for (const [index, connection] of connections.entries()) connection.fate = index === 0 ? fate : spareFate
    },
    request,
    async crash () {
      life.end()
      // What was written in this turn is written.
      await turns()
      life = createLife(clock)
      accounting = await live()
    }
  }
}

/** A process that can be killed: none of its timers goes off any more, and no answer reaches it. */
function createLife (clock: ManualClock) {
  let isOver = false
  const stops = new Set<() => void>()
  async function alive<Reply> (call: () => Promise<Reply>): Promise<Reply> {
    const ended = isOver ? undefined : await call().then((reply) => () => reply, (cause: unknown) => () => { throw cause })
    return ended === undefined || isOver ? await new Promise<never>(() => {}) : ended()
  }
  return {
    end () {
      isOver = true
      for (const stop of stops) stop()
    },
    clock: {
      nowMs: clock.nowMs,
      monotonicMs: clock.monotonicMs,
      setTimer (delayMs: number, action: () => void) {
        const stop = isOver ? () => {} : clock.setTimer(delayMs, action)
        stops.add(stop)
        return stop
      }
    },
    connection: (connection: LimitStore): LimitStore => ({
      reserve: (call) => alive(() => connection.reserve(call)),
      settle: (call) => alive(() => connection.settle(call)),
      renew: (call) => alive(() => connection.renew(call)),
      hold: (call) => alive(() => connection.hold(call))
    })
  }
}

function recordOf (requestId: string): LedgerRecord {
  return {
    requestId,
    timeMs: 0,
    team: 'atlas',
    keyId: 'k',
    model: 'm',
    upstreamModel: 'm',
    surface: 'openai',
    upstream: 'u',
    upstreamRequestId: undefined,
    stream: false,
    attempt: 1,
    superseded: false,
    attempts: 1,
    status: 200,
    outcome: 'completed',
    errorKind: undefined,
    usage: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, source: 'reported' },
    costNano: 0,
    currency: undefined,
    firstContentMs: undefined,
    durationMs: 0,
    limits: []
  }
}
