import t from 'tap'
import { StoreUnavailable } from '../../src/limits/store.ts'
import { TEAM, budget } from './trouble-scene.ts'
import { createManualClock } from '../support/fixed.ts'
import { createWatchedStore } from '../../src/limits/watched.ts'
import type { Claim } from '../../src/limits/claim.ts'
import type { LimitStore, RenewReply, ReserveReply, SettleReply, StoreState } from '../../src/limits/store.ts'
import type { SeenState } from '../../src/limits/spool.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const SETTLE = { team: TEAM, rid: 'a', bornMs: NOW_MS, charges: [], record: undefined }

/** Calls are answered by hand, in any order. */
function scene (seen: ReadonlyMap<string, SeenState> = new Map()) {
  const waiting: ((state: StoreState) => void)[] = []
  const answer = <Reply>(rest: object): Promise<Reply> => new Promise((resolve) => { waiting.push((state) => resolve({ ...state, ...rest } as Reply)) })
  const store: LimitStore = {
    reserve: ({ claims }) => answer<ReserveReply>({ status: 'granted', repeated: false, standings: claims.map(() => ({ kind: 'concurrency', inFlight: 0 })) }),
    settle: () => answer<SettleReply>({ status: 'settled', how: 'reserved' }),
    renew: () => answer<RenewReply>({ unknown: [], swept: 0 }),
    hold: () => answer<StoreState>({})
  }
  const signs: string[] = []
  const discarded: string[] = []
  const watched = createWatchedStore(store, {
    clock: createManualClock(), seen, lost: (team, sign) => { signs.push(`${team} ${sign}`) }, discard: ({ rid }) => { discarded.push(rid) }
  })
  /** Sends a call; the returned function answers it. */
  const send = (call: () => Promise<unknown> = () => watched.renew({ team: TEAM, rids: [] })) => {
    const place = waiting.length
    const reply = call()
    return async (version: number, epoch: string, more: Partial<StoreState> = {}) => {
      waiting[place]?.({ version, epoch, holdUntilMs: 0, nowMs: NOW_MS, ...more })
      return await reply
    }
  }
  return { discarded, watched, signs, send }
}

t.test('takes a state that grows for a sound one', async (t) => {
  const { send, signs } = scene()
  await send()(0, '')
  await send()(1, 'e1')
  await send()(1, 'e1')
  await send()(9, 'e1')
  t.strictSame(signs, [])
})

t.test('tells once of a version that went back', async (t) => {
  const { send, signs } = scene()
  await send()(9, 'e1')
  await send()(5, 'e1')
  await send()(6, 'e1')
  t.strictSame(signs, [`${TEAM} rollback`])
})

t.test('tells once of another epoch, and of none', async (t) => {
  const { send, signs } = scene()
  await send()(9, 'e1')
  await send()(20, 'e2')
  await send()(21, 'e2')
  await send()(0, '')
  await send()(1, 'e3')
  t.strictSame(signs, [`${TEAM} total`, `${TEAM} total`])
})

t.test('does not mistake answers that overtake each other for a loss', async (t) => {
  const { send, signs } = scene()
  const [first, second, third] = [send(), send(), send()]
  await third(3, 'e1')
  await second(2, 'e1')
  await first(0, '')
  const slow = send()
  await send()(5, 'e1')
  await slow(4, 'e1')
  t.strictSame(signs, [])
})

t.test('does not take an answer from before a loss for another loss', async (t) => {
  const { send, signs } = scene()
  await send()(9, 'e1')
  const slow = send()
  const slower = send()
  await send()(5, 'e1')
  await slow(10, 'e1')
  await send()(6, 'e1')
  await slower(11, 'e1')
  await send()(7, 'e1')
  t.strictSame(signs, [`${TEAM} rollback`], 'the version of the state that was lost is not expected again')
})

t.test('leaves it to the next call which of two first epochs is the later one', async (t) => {
  const { send, signs } = scene()
  const slow = send()
  await send()(1, 'e1')
  await slow(1, 'e2')
  t.strictSame(signs, [])
  await send()(2, 'e2')
  t.strictSame(signs, [`${TEAM} total`])
})

t.test('takes a settlement that was under way when the state was lost for not made', async (t) => {
  const { send, watched } = scene()
  await send()(9, 'e1')
  const settled = send(() => watched.settle(SETTLE))
  await send()(1, 'e2')
  await t.rejects(settled(10, 'e1'), { name: 'StoreUnavailable', code: 'store_lost' })
  t.match(await send(() => watched.settle(SETTLE))(2, 'e2'), { status: 'settled' })
})

t.test('takes a settlement that was under way when the state went back for not made', async (t) => {
  const { send, watched } = scene()
  await send()(9, 'e1')
  const settled = send(() => watched.settle(SETTLE))
  await send()(5, 'e1')
  await t.rejects(settled(10, 'e1'), { code: 'store_lost' })
})

t.test('takes a settlement for not made where it is not known whether its epoch is the latest', async (t) => {
  const { send, watched } = scene()
  const settled = send(() => watched.settle(SETTLE))
  await send()(1, 'e1')
  t.equal(watched.epochOf(TEAM), 'e1')
  await t.rejects(settled(1, 'e2'), { code: 'store_lost' })
})

t.test('believes the settlement by which it notices a loss', async (t) => {
  const { send, watched, signs } = scene()
  await send()(9, 'e1')
  t.match(await send(() => watched.settle(SETTLE))(3, 'e1'), { status: 'settled' })
  t.strictSame(signs, [`${TEAM} rollback`])
})

t.test('takes no grant of a budget from a state that has lost what was spent, nor one that was under way then', async (t) => {
  const { send, watched, discarded, signs } = scene()
  await send()(9, 'e1')
  const reserve = (rid: string, claims: readonly Claim[]) => send(() => watched.reserve({ team: TEAM, rid, bornMs: NOW_MS, claims, mode: 'reserve', expiry: undefined }))
  const underWay = reserve('a#1', [budget(10)])
  await t.rejects(reserve('b#1', [budget(10)])(1, 'e2'), { name: 'StoreUnavailable', code: 'store_lost' })
  await t.rejects(underWay(2, 'e2'), { code: 'store_lost' })
  t.strictSame(signs, [`${TEAM} total`])
  t.strictSame(discarded, ['b#1', 'a#1'], 'what they hold is given back')
  await t.rejects(reserve('c#1', [budget(10)])(3, 'e2'), { code: 'store_lost' }, 'no hold has landed yet')
  const hold = () => send(() => watched.hold({ team: TEAM, durationMs: 3_000 }))
  const aheadOfIt = reserve('d#1', [budget(10)])
  await hold()(4, 'e2', { holdUntilMs: NOW_MS + 3_000 })
  await t.rejects(aheadOfIt(4, 'e2'), { code: 'store_lost' }, 'sent before it had landed')
  t.match(await reserve('e#1', [budget(10)])(5, 'e2'), { status: 'granted' })
  await t.rejects(reserve('f#1', [budget(10)])(2, 'e2'), { code: 'store_lost' }, 'a state that went back')
  await hold()(1, 'e3', { holdUntilMs: NOW_MS + 3_000 })
  await t.rejects(reserve('g#1', [budget(10)])(2, 'e3'), { code: 'store_lost' }, 'a hold that shows a loss itself is none')
  t.match(await reserve('h#1', [{ kind: 'concurrency', id: 'c', limit: 1 }])(3, 'e3'), { status: 'granted' }, 'no budget')
})

t.test('heeds no hold that is further ahead than any can be, nor lets it hide the next', async (t) => {
  const { send, signs } = scene()
  await send()(9, 'e1', { holdUntilMs: NOW_MS + 86_400_000 })
  await send()(10, 'e1', { holdUntilMs: NOW_MS + 3_000 })
  t.strictSame(signs, [`${TEAM} told`])
})

t.test('is told of a loss by the hold of another gateway, once, and not of one long ago', async (t) => {
  const { send, signs } = scene()
  await send()(9, 'e1')
  await send()(30, 'e1', { holdUntilMs: NOW_MS + 3_000 })
  await send()(31, 'e1', { holdUntilMs: NOW_MS + 3_000 })
  await send()(32, 'e1', { holdUntilMs: NOW_MS + 5_000 })
  t.strictSame(signs, [`${TEAM} told`, `${TEAM} told`])
  const later = scene()
  await later.send()(9, 'e1', { holdUntilMs: NOW_MS - 200_000 })
  t.strictSame(later.signs, [])
})

t.test('knows what an earlier life has seen', async (t) => {
  const { send, signs } = scene(new Map([[TEAM, { epoch: 'e1', version: 9 }]]))
  await send()(4, 'e1')
  t.strictSame(signs, [`${TEAM} rollback`])
})

t.test('keeps teams apart', async (t) => {
  const { send, watched, signs } = scene()
  await send()(9, 'e1')
  await send(() => watched.renew({ team: 'birch', rids: [] }))(1, 'e2')
  t.strictSame(signs, [])
})

t.test('tells how far the store is ahead', async (t) => {
  const { send, watched } = scene()
  await send()(1, 'e1', { nowMs: NOW_MS - 1_500 })
  t.equal(watched.skewMs, -1_500)
})

t.test('hands on that a store is unavailable', async (t) => {
  const store: LimitStore = { ...scene().watched, renew: async () => { throw new StoreUnavailable('timeout') } }
  const watched = createWatchedStore(store, { clock: createManualClock(), seen: new Map(), lost () {}, discard () {} })
  await t.rejects(watched.renew({ team: TEAM, rids: [] }), { code: 'timeout' })
})
