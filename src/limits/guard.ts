import { OUT_OF_MEMORY, createStoreHealth } from './store-health.ts'
import { StoreUnavailable } from './store.ts'
import { voidOf } from './void.ts'
import type { LimitStore, ReserveCall, ReserveReply, SettleCall } from './store.ts'
import type { StoreHealth, StoreHealthDeps } from './store-health.ts'
import type { Report, StoreOperation } from './trouble.ts'

/** A store that fails at once where nobody answers, and leaves no reservation behind of which it cannot know. */
export interface GuardedStore extends LimitStore, Pick<StoreHealth, 'isUp' | 'breaker' | 'start' | 'close'> {}

/** Two connections to one store; both may be the same. */
export interface Stores { readonly main: LimitStore, readonly spare: LimitStore }

export interface GuardDeps extends Omit<StoreHealthDeps, 'probe'> {
  /** Takes the void of a reservation that was perhaps made. It has to arrive in the end. */
  readonly seal: (call: SettleCall) => void
}

/** No team has this id: nothing is ever written for it. */
const PROBE_TEAM = '_probe'
/** Remembered for as long as one request may ask again. */
const SEALED_MAX = 10_000

/**
 * A call whose answer is lost is made once more over the other connection: one that is cut takes all that is under way on it
 * along, and the store is only away when neither leads to it. A reservation keeps its id, so that a lost grant is told
 * again. Where its end is another than a grant, the first try may still be lying in some buffer: its id is sealed by a void,
 * and not asked for again.
 */
export function createGuardedStore ({ main, spare }: Stores, deps: GuardDeps): GuardedStore {
  const { report } = deps
  const probe = { team: PROBE_TEAM, rids: [] }
  const health = createStoreHealth({ ...deps, probe: () => main.renew(probe).catch(() => spare.renew(probe)) })
  const ask = createAsk({ main, spare }, health, report)
  const sealed = new Set<string>()

  function seal (call: ReserveCall): void {
    sealed.add(keyOf(call))
    for (const oldest of sealed) {
      if (sealed.size <= SEALED_MAX) break
      sealed.delete(oldest)
    }
    report({ kind: 'reserve_ambiguous' })
    deps.seal(voidOf(call))
  }

  async function reserve (call: ReserveCall): Promise<ReserveReply> {
    if (sealed.has(keyOf(call))) throw new StoreUnavailable('sealed')
    let isAmbiguous = false
    let isGranted = false
    try {
      const reply = await ask('reserve', (store) => store.reserve(call), () => { isAmbiguous = true })
      isGranted = reply.status === 'granted'
      if (reply.status === 'granted' && reply.repeated) report({ kind: 'repeated', operation: 'reserve' })
      return reply
    } finally {
      if (isAmbiguous && !isGranted) seal(call)
    }
  }

  return {
    get isUp () { return health.isUp },
    get breaker () { return health.breaker },
    reserve: (call) => call.mode === 'reserve' ? reserve(call) : ask('reserve', (store) => store.reserve(call)),
    async settle (call) {
      const reply = await ask('settle', (store) => store.settle(call))
      if (reply.status === 'repeated') report({ kind: 'repeated', operation: 'settle' })
      return reply
    },
    async renew (call) {
      const reply = await ask('renew', (store) => store.renew(call))
      if (reply.swept > 0) report({ kind: 'swept', count: reply.swept })
      return reply
    },
    hold: (call) => ask('hold', (store) => store.hold(call)),
    start: () => health.start(),
    close: () => health.close()
  }
}

type Ask = <Reply>(operation: StoreOperation, call: (store: LimitStore) => Promise<Reply>, lost?: () => void) => Promise<Reply>

/** `lost` is told when the first try has failed and it is not known what became of it. */
function createAsk ({ main, spare }: Stores, health: StoreHealth, report: Report): Ask {
  return async (operation, call, lost = () => {}) => await health.guard(operation, async () => {
    try {
      return await call(main)
    } catch (caught) {
      if (!(caught instanceof StoreUnavailable) || caught.code === OUT_OF_MEMORY) throw caught
      report({ kind: 'store_error', operation, code: caught.code })
      lost()
      return await call(spare)
    }
  })
}

function keyOf ({ team, rid }: ReserveCall): string {
  return `${team} ${rid}`
}
