import { checkCharges, checkClaims, checkRids, checkTime } from '../../limits/engine-check.ts'
import { CALL_TIMEOUT_MS, within } from './failures.ts'
import { checkRecord } from '../../metering/ledger.ts'
import { DAY_MS } from '../retention.ts'
import { FINAL_GRACE_MS, FINAL_MEMORY_MS } from '../../limits/store.ts'
import { HOUR_MS, teamKeys } from './keys.ts'
import { packed } from './packed-record.ts'
import { runScript, SCRIPTS } from './script.ts'
import type { BudgetClaim, Claim, Standing } from '../../limits/claim.ts'
import type { Charge, LimitStore, ReserveReply, SettleReply, StoreState } from '../../limits/store.ts'
import type { Clock } from '../../core/clock.ts'
import type { LedgerRecord } from '../../metering/ledger.ts'
import type { RedisConnection } from './connection.ts'
import type { Retention } from '../retention.ts'
import type { Script } from './script.ts'
import type { TeamKeys } from './keys.ts'

/** A request waits for its reservation, and there is a second connection to try. */
export const RESERVE_TIMEOUT_MS = 100

export interface RedisLimitStoreDeps {
  readonly connection: RedisConnection
  readonly clock: Clock
  readonly timeoutMs?: { readonly reserve: number, readonly other: number }
  readonly retention?: Retention
  /** Instead of the server's own time. */
  readonly testNow?: () => number
}

type Word = string | number

/** Around this process's time: an hour of births ahead, three behind, and an hour by which clocks may differ. */
const FINAL_HOURS = [-4, -3, -2, -1, 0, 1, 2]
const TIMEOUTS_MS = { reserve: RESERVE_TIMEOUT_MS, other: CALL_TIMEOUT_MS }
const RETENTION: Retention = { ledgerMs: 30 * DAY_MS, usageMs: 400 * DAY_MS }

/** Limits in Redis: each call is one script on one team's keys, which all lie in one slot. Redis's own clock decides. */
export function createRedisLimitStore (deps: RedisLimitStoreDeps): LimitStore {
  const { connection, clock, timeoutMs = TIMEOUTS_MS, retention: { ledgerMs, usageMs } = RETENTION, testNow } = deps
  // Records are found by what is final, which has to be remembered for some time anyway.
  const ledgerKeptMs = Math.max(ledgerMs, FINAL_MEMORY_MS + FINAL_GRACE_MS)

  async function run (script: Script, keys: readonly string[], words: readonly Word[]): Promise<Word[]> {
    const limitMs = script === SCRIPTS.reserve ? timeoutMs.reserve : timeoutMs.other
    const reply = runScript(connection, script, { keys, words: [testNow?.() ?? 0, ledgerKeptMs, usageMs, ...words] })
    // The scripts answer in lists of numbers and strings.
    return await within(limitMs, reply, deps) as Word[]
  }

  return {
    async reserve ({ team, rid, bornMs, claims, mode, expiry }) {
      checkClaims(claims)
      checkTime(bornMs)
      const words = [mode, rid, bornMs, wordOfRecord(expiry), ...claims.flatMap(wordsOfClaim)]
      return reserveReply(claims, await run(SCRIPTS.reserve, keysFor(teamKeys(team), bornMs), words))
    },
    async settle ({ team, rid, bornMs, charges, record }) {
      checkCharges(charges, undefined)
      checkTime(bornMs)
      const words = [rid, bornMs, wordOfRecord(record), ...charges.flatMap(wordsOfCharge)]
      return settleReply(await run(SCRIPTS.settle, keysFor(teamKeys(team), bornMs), words))
    },
    async renew ({ team, rids }) {
      checkRids(rids)
      const nowMs = testNow?.() ?? clock.nowMs()
      const births = FINAL_HOURS.map((hours) => nowMs + hours * HOUR_MS)
      const reply = await run(SCRIPTS.renew, keysFor(teamKeys(team), ...births), rids)
      return { ...stateOf(reply), swept: Number(reply[0]), unknown: reply.slice(STATE_WORDS).map(String) }
    },
    async hold ({ team, durationMs }) {
      checkTime(durationMs)
      return stateOf(await run(SCRIPTS.hold, keysFor(teamKeys(team)), [durationMs]))
    }
  }
}

function wordOfRecord (record: LedgerRecord | undefined): string {
  if (record === undefined) return ''
  checkRecord(record)
  return packed(record)
}

function keysFor ({ state, due, reservations, events, finals }: TeamKeys, ...bornMs: readonly number[]): string[] {
  return [state, due, reservations, events, ...bornMs.map(finals)]
}

function wordsOfClaim (claim: Claim): Word[] {
  switch (claim.kind) {
    case 'rate': return ['r', claim.id, claim.perMinute, claim.burst, claim.cost]
    case 'concurrency': return ['c', claim.id, claim.limit]
    case 'budget': return ['b', claim.id, claim.cost, claim.windows.length, ...claim.windows.flatMap(wordsOfWindow)]
  }
}

function wordsOfWindow ({ id, startMs, endMs, amount }: BudgetClaim['windows'][number]): Word[] {
  return [id, startMs, endMs, amount]
}

function wordsOfCharge (charge: Charge): Word[] {
  switch (charge.kind) {
    case 'rate': return ['r', charge.id, charge.perMinute, charge.burst, charge.cost]
    case 'concurrency': return ['c', charge.id]
    case 'budget': return ['b', charge.id, charge.windowId, charge.cost]
  }
}

/** How many words every reply begins with: what became of the call, and the team's state. */
const STATE_WORDS = 5

function stateOf ([, version, epoch, holdUntilMs, nowMs]: readonly Word[]): StoreState {
  return { version: Number(version), epoch: String(epoch), holdUntilMs: Number(holdUntilMs), nowMs: Number(nowMs) }
}

type ReserveStatus = ReserveReply['status'] | 'repeated'

function reserveReply (claims: readonly Claim[], reply: readonly Word[]): ReserveReply {
  const status = reply[0] as ReserveStatus
  const state = stateOf(reply)
  switch (status) {
    case 'granted': return { ...state, status, repeated: false, standings: standingsOf(claims, reply) }
    case 'repeated': return { ...state, status: 'granted', repeated: true, standings: standingsOf(claims, reply) }
    case 'denied': return { ...state, status, standings: standingsOf(claims, reply) }
    default: return { ...state, status }
  }
}

function standingsOf (claims: readonly Claim[], reply: readonly Word[]): Standing[] {
  let at = STATE_WORDS
  const next = (): number => Number(reply[at++])
  return claims.map(({ kind }) => {
    if (kind === 'rate') return { kind, level: next() }
    if (kind === 'concurrency') return { kind, inFlight: next() }
    return { kind, window: next(), spent: next(), held: next() }
  })
}

type SettledHow = Extract<SettleReply, { readonly status: 'settled' }>['how']

function settleReply (reply: readonly Word[]): SettleReply {
  const status = reply[0] as SettleReply['status']
  const state = stateOf(reply)
  return status === 'settled' ? { ...state, status, how: reply[STATE_WORDS] as SettledHow } : { ...state, status }
}
