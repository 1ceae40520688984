import { SPOOL_KEPT_MS } from './spool.ts'
import { HOLD_MS_MAX, StoreUnavailable } from './store.ts'
import { voidOf } from './void.ts'
import type { Clock } from '../core/clock.ts'
import type { LimitStore, ReserveCall, ReserveReply, SettleCall, StoreState } from './store.ts'
import type { Loss } from './trouble.ts'
import type { SeenState } from './spool.ts'

/** A store whose every reply is looked at for signs that it has lost what it had acknowledged. */
export interface WatchedStore extends LimitStore {
  /** How far the store's clock is ahead of ours, by its last reply. */
  readonly skewMs: number
  /** The epoch of a team's state, as it was last seen. */
  epochOf (team: string): string
}

export interface WatchedDeps {
  readonly clock: Pick<Clock, 'nowMs'>
  /** What was seen of each team in an earlier life of this process. */
  readonly seen: ReadonlyMap<string, SeenState>
  /** Called once for each loss, before the reply that shows it is handed on. */
  readonly lost: (team: string, sign: Sign) => void
  /** Takes the void of a reservation that was granted by a state which had lost what was spent. */
  readonly discard: (call: SettleCall) => void
}

/** What shows a loss: the state itself, or that another gateway has put budgets on hold for one. */
export type Sign = Loss | 'told'

interface Seen extends SeenState {
  readonly holdUntilMs: number
  /** Counts losses: an answer to what was asked before one says nothing of the state since. */
  readonly losses: number
}

const UNSEEN: Seen = { version: 0, epoch: '', holdUntilMs: 0, losses: 0 }

/**
 * A reply has to be at least as new as what had been seen when its call was sent. More may have been seen since, for calls
 * overtake each other.
 */
export function createWatchedStore (store: LimitStore, { clock, seen, lost, discard }: WatchedDeps): WatchedStore {
  // As many as there are teams that hold keys: nobody else gets this far.
  const teams = new Map<string, Seen>()
  for (const [team, state] of seen) teams.set(team, { ...UNSEEN, ...state })
  // Teams of which a loss has been seen, and for which no hold has landed since.
  const unheld = new Set<string>()
  let skewMs = 0

  async function watch<Reply extends StoreState> (team: string, call: () => Promise<Reply>): Promise<Watched<Reply>> {
    const before = teams.get(team) ?? UNSEEN
    const reply = await call()
    skewMs = reply.nowMs - clock.nowMs()
    const latest = teams.get(team) ?? UNSEEN
    if (latest.losses > before.losses) return { reply, isOutdated: true, sign: undefined }
    const sign = signOf(before, latest, reply)
    teams.set(team, next(latest, reply, sign))
    if (isLoss(sign)) unheld.add(team)
    if (sign !== undefined) lost(team, sign)
    return { reply, isOutdated: false, sign }
  }

  return {
    get skewMs () { return skewMs },
    epochOf: (team) => (teams.get(team) ?? UNSEEN).epoch,
    renew: async (call) => (await watch(call.team, () => store.renew(call))).reply,
    async hold (call) {
      const { reply, isOutdated, sign } = await watch(call.team, () => store.hold(call))
      if (!isOutdated && !isLoss(sign)) unheld.delete(call.team)
      return reply
    },
    async reserve (call) {
      const wasUnheld = unheld.has(call.team)
      const { reply, isOutdated, sign } = await watch(call.team, () => store.reserve(call))
      const isOfLostState = wasUnheld || isOutdated || isLoss(sign)
      if (!isOfLostState || !spendsBudget(call, reply)) return reply
      // Of a budget that had been spent all seems to be left, until what is known of it has been written again.
      discard(voidOf(call))
      throw new StoreUnavailable('store_lost')
    },
    async settle (call) {
      const { reply, isOutdated } = await watch(call.team, () => store.settle(call))
      // It may have been taken in before a loss and be gone with it. Asking again does no harm.
      if (isOutdated || reply.epoch !== teams.get(call.team)?.epoch) throw new StoreUnavailable('store_lost')
      return reply
    }
  }
}

interface Watched<Reply> { readonly reply: Reply, readonly isOutdated: boolean, readonly sign: Sign | undefined }

function isLoss (sign: Sign | undefined): sign is Loss {
  return sign === 'total' || sign === 'rollback'
}

function spendsBudget ({ mode, claims }: ReserveCall, reply: ReserveReply): boolean {
  return mode === 'reserve' && reply.status === 'granted' && claims.some(({ kind }) => kind === 'budget')
}

function signOf (before: Seen, latest: Seen, reply: StoreState): Sign | undefined {
  if (before.epoch !== '' && reply.epoch !== before.epoch) return 'total'
  if (reply.version < before.version) return 'rollback'
  // Long ago it was in nobody's memory any more.
  const isRecent = reply.holdUntilMs + SPOOL_KEPT_MS > reply.nowMs
  return isRecent && isHold(reply.holdUntilMs, reply) && reply.holdUntilMs > holdOf(latest, reply) ? 'told' : undefined
}

/** One that is further ahead than any can be is left from a clock that has been put right. */
function isHold (holdUntilMs: number, { nowMs }: StoreState): boolean {
  return holdUntilMs - nowMs <= HOLD_MS_MAX
}

function holdOf ({ holdUntilMs }: Seen, reply: StoreState): number {
  return isHold(holdUntilMs, reply) ? holdUntilMs : 0
}

function next (latest: Seen, reply: StoreState, sign: Sign | undefined): Seen {
  const { version, epoch, holdUntilMs } = reply
  if (isLoss(sign)) return { version, epoch, holdUntilMs, losses: latest.losses + 1 }
  // Which of two epochs came first is told by the next call.
  if (latest.epoch !== '' && epoch !== latest.epoch) return latest
  return {
    version: Math.max(version, latest.version),
    epoch,
    holdUntilMs: Math.max(holdUntilMs, holdOf(latest, reply)),
    losses: latest.losses
  }
}
