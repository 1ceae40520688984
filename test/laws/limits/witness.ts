import type { Claim, Standing } from '../../../src/limits/claim.ts'
import type { Charge, ReserveCall, SettleCall, SettleReply } from '../../../src/limits/store.ts'
import type { Entry, TeamDump } from './dump.ts'
import type { Limit } from './settings.ts'
import type { Reply, Timed } from './calls.ts'

/** One step of one team, with all that was to be seen of the team before and after it. */
export interface Moment extends Timed {
  readonly reply: Reply
  readonly before: TeamDump
  readonly after: TeamDump
  /** What is set of the team. */
  readonly limits: readonly Limit[]
  /** This moment included. */
  readonly witness: Witness
}

export interface Grant extends Pick<ReserveCall, 'mode' | 'claims' | 'expiry'> { readonly entries: readonly Entry[] }
type How = Extract<SettleReply, { readonly status: 'settled' }>['how']
/** `charges` name the windows that were charged, whatever the call said; the grant is there where it still counted. */
export interface Settled { readonly how: How, readonly charges: readonly Charge[], readonly grant: Grant | undefined }

/** Costs that went out of a bucket or came back, in tokens, with what was set at that time. */
export interface BucketMove {
  readonly id: string
  readonly kind: 'granted' | 'forced' | 'settled'
  readonly tokens: number
  /** The bucket's own, which never goes back. */
  readonly timeMs: number
  readonly perMinute: number
  readonly burst: number
}

/** What clients remember of a team from calls and replies alone; no store is asked for it. */
export interface Witness {
  readonly grants: Map<string, Grant>
  readonly settled: Map<string, Settled>
  /** Reservations that had expired before they were settled, by what was charged then. */
  readonly expired: Map<string, readonly Entry[]>
  /** The most that a window was ever said to allow as something was granted in it. */
  readonly amounts: Map<string, number>
  readonly moves: BucketMove[]
  /** Counters that were dropped with a window that had ended long before. */
  readonly dropped: Set<string>
}

export function createWitness (): Witness {
  return { grants: new Map(), settled: new Map(), expired: new Map(), amounts: new Map(), moves: [], dropped: new Set() }
}

export function spentField (id: string, windowId: string): string {
  return `bs:${id}:${windowId}`
}

export function remember (moment: Moment): void {
  const { call, reply, before, after, witness } = moment
  for (const { rid, state, entries } of after.reservations) if (state === 'expired') witness.expired.set(rid, entries)
  for (const field of Object.keys(before.counters)) if (!(field in after.counters)) witness.dropped.add(field)
  if (reply === 'rejected' || !('status' in reply)) return
  if (call.step === 'reserve' && reply.status === 'granted' && !reply.repeated && call.args.mode !== 'check') {
    rememberGrant(moment, call.args, reply.standings)
  }
  if (call.step === 'settle' && reply.status === 'settled') rememberSettled(moment, call.args, reply.how)
}

function rememberGrant (moment: Moment, { rid, mode, claims, expiry }: ReserveCall, standings: readonly Standing[]): void {
  const entries = claims.map((claim, index): Entry => {
    const standing = standings[index]
    if (claim.kind === 'rate') return { kind: 'rate', id: claim.id, cost: claim.cost }
    if (claim.kind === 'concurrency') return { kind: 'concurrency', id: claim.id, cost: 1 }
    const window = standing?.kind === 'budget' ? claim.windows[standing.window] : undefined
    return { kind: 'budget', id: claim.id, cost: claim.cost, windowId: window?.id ?? 'none' }
  })
  moment.witness.grants.set(rid, { mode, claims, expiry, entries })
  if (mode === 'reserve') rememberAmounts(moment.witness, claims, entries)
  rememberMoves(moment, claims.map((claim) => claim.kind === 'rate' ? { ...claim, tokens: claim.cost } : undefined))
}

function rememberSettled (moment: Moment, { rid, charges }: SettleCall, how: How): void {
  const { witness } = moment
  const grant = how === 'unreserved' ? undefined : witness.grants.get(rid)
  const charged = charges.map((charge, index): Charge => {
    const entry = grant?.entries[index]
    return charge.kind === 'budget' && entry?.kind === 'budget' ? { ...charge, windowId: entry.windowId } : charge
  })
  witness.settled.set(rid, { how, charges: charged, grant })
  if (how !== 'reserved') return
  const reserved = (index: number): number => grant?.entries[index]?.cost ?? 0
  rememberMoves(moment, charges.map((charge, index) => charge.kind === 'rate' ? { ...charge, tokens: charge.cost - reserved(index) } : undefined))
}

function rememberAmounts ({ amounts }: Witness, claims: readonly Claim[], entries: readonly Entry[]): void {
  for (const [index, claim] of claims.entries()) {
    const entry = entries[index]
    if (claim.kind !== 'budget' || entry?.kind !== 'budget') continue
    const field = spentField(claim.id, entry.windowId)
    const amount = claim.windows.find(({ id }) => id === entry.windowId)?.amount ?? 0
    amounts.set(field, Math.max(amount, amounts.get(field) ?? 0))
  }
}

type Move = { readonly id: string, readonly perMinute: number, readonly burst: number, readonly tokens: number } | undefined

function rememberMoves ({ call, after, witness: { moves } }: Moment, found: readonly Move[]): void {
  const kind = call.step === 'settle' ? 'settled' : call.step === 'reserve' && call.args.mode === 'force' ? 'forced' : 'granted'
  for (const move of found) {
    if (move === undefined) continue
    const { id, perMinute, burst, tokens } = move
    moves.push({ id, kind, tokens, timeMs: Number(after.counters[`rt:${id}`]), perMinute, burst })
  }
}
