import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { at, chargesOf, claimsOf, createPlayed, moves, play } from '../../limits/engine-moves.ts'
import { budget, charges, expiryOf, MIDNIGHT_MS, place, rate, recordOf, sceneOf, TEAM } from '../limit-scene.ts'
import { LEASE_MS, StoreUnavailable } from '../../../src/limits/store.ts'
import { newDataFolder } from './data-folder.ts'
import { openLimitBooks } from './limit-books.ts'
import { takeChanges } from '../../../src/limits/engine-state.ts'
import type { LimitBooks } from './limit-books.ts'
import type { Played, TimedMove } from '../../limits/engine-moves.ts'

const CLAIMS = [rate(2), place(5), budget(20, 100)]

function refuseWrites ({ database }: LimitBooks, refuse: 'on' | 'off'): void {
  database.exec(`PRAGMA query_only = ${refuse}`)
}

t.test('what cannot be committed has not happened, for anybody who was told of it', async (t) => {
  const books = openLimitBooks(newDataFolder(t))
  const { reserve, settle, renew, dump, store, ledger } = sceneOf(books)
  const other = { team: 'other' }
  await reserve('a#1', CLAIMS)
  await reserve('a#1', CLAIMS, other)
  await reserve('idle#1', CLAIMS, { team: 'idle' })
  const before = [await dump(TEAM), await dump('other')]
  refuseWrites(books, 'on')
  const calls = [
    reserve('b#1', CLAIMS),
    settle('a#1', charges(CLAIMS, 5), { record: recordOf({ requestId: 'a' }) }),
    settle('a#1', charges(CLAIMS, 5)),
    reserve('a#1', CLAIMS),
    reserve('c#1', [], { mode: 'check' }),
    renew(['b#1']),
    store.hold({ team: TEAM, durationMs: 1 }),
    settle('v#1', [], other)
  ]
  const results = await Promise.allSettled<unknown>(calls)
  t.same(results.map((result) => result.status === 'rejected' && result.reason instanceof StoreUnavailable && result.reason.code), calls.map(() => 'sqlite 8'))
  t.match(await reserve('x#1', CLAIMS, { mode: 'check' }), { status: 'granted', version: 1, standings: [{}, { inFlight: 1 }, { spent: 0, held: 20 }] }, 'what was there is still known')
  t.match(await reserve('x#1', [], { team: 'idle', mode: 'check' }), { version: 1 })
  refuseWrites(books, 'off')
  t.same([await dump(TEAM), await dump('other')], before)
  t.same(await ledger(TEAM), [])
  t.match(await settle('a#1', charges(CLAIMS, 5), { record: recordOf({ requestId: 'a' }) }), { status: 'settled', how: 'reserved', version: 2, holdUntilMs: 0 })
  t.match(await settle('v#1', [], other), { status: 'settled', version: 2 })
  t.match(await reserve('b#1', CLAIMS), { status: 'granted', repeated: false, version: 3, standings: [{}, { inFlight: 0 }, { spent: 5, held: 0 }] })
  t.same(await ledger(TEAM), ['a'])
  await books.close()
})

t.test('a disk that is full loses no lease of a request that lives', async (t) => {
  const books = openLimitBooks(newDataFolder(t))
  const { reserve, renew, later, settle, dump } = sceneOf(books)
  await reserve('a#1', CLAIMS)
  const { page_count: pages } = books.database.prepare('PRAGMA page_count').get() as { page_count: number }
  books.database.exec(`PRAGMA max_page_count = ${pages}`)
  const expiry = expiryOf('b#1', { model: 'm'.repeat(100_000) })
  await t.rejects(reserve('b#1', CLAIMS, { expiry }), { name: 'StoreUnavailable', code: 'sqlite 13' })
  later(LEASE_MS - 1)
  t.match(await renew(['a#1']), { swept: 0, unknown: [] })
  later(LEASE_MS - 1)
  t.match(await settle('a#1', charges(CLAIMS, 5)), { status: 'settled', how: 'reserved' }, 'small changes still have room')
  t.notOk('held:b#1' in await dump(TEAM))
  await books.close()
})

t.test('a database that cannot be read is unavailable', async (t) => {
  const books = openLimitBooks(newDataFolder(t))
  const { reserve, settle, renew } = sceneOf(books)
  books.store.close()
  books.database.close()
  for (const call of [() => reserve('a#1', []), () => settle('a#1', []), () => renew(['a#1'])]) {
    await t.rejects<unknown>(call, { name: 'StoreUnavailable', code: 'sqlite error' })
  }
})

t.test('a record that could not be written is refused before it can take others with it', async (t) => {
  const books = openLimitBooks(newDataFolder(t))
  const { reserve, settle, ledger, dump } = sceneOf(books)
  for (const rid of ['a#1', 'b#1']) await reserve(rid, [place(5)])
  const bad = settle('a#1', charges([place(5)], 0), { record: recordOf({ requestId: 'a', costNano: 0.5 }) })
  const good = settle('b#1', charges([place(5)], 0), { record: recordOf({ requestId: 'b' }) })
  await t.rejects(bad, { name: 'TypeError', message: /0\.5 .*costNano/ })
  t.match(await good, { status: 'settled' })
  t.same(await ledger(TEAM), ['b'])
  t.match(await dump(TEAM), { 'held:a#1': String, 'c:cc': '1' })
  await books.close()
})

t.test('what a call clears away is committed also where the call is an error', async (t) => {
  const books = openLimitBooks(newDataFolder(t))
  const { store, reserve, later, dump, renew } = sceneOf(books)
  await reserve('a#1', [place(5)])
  later(LEASE_MS)
  // The final ones are asked for after the leases have been swept.
  books.database.exec('ALTER TABLE limit_finals RENAME TO elsewhere')
  await t.rejects(store.reserve({ team: TEAM, rid: 'b#1', bornMs: MIDNIGHT_MS, claims: [], mode: 'reserve', expiry: undefined }), { name: 'StoreUnavailable' })
  books.database.exec('ALTER TABLE elsewhere RENAME TO limit_finals')
  t.match(await renew(), { swept: 0, version: 2 })
  t.ok('expired:a#1' in await dump(TEAM))
  await books.close()
})

/** The next thing to happen to the store, before a move is made. */
type Upset = 'none' | 'restart' | 'failure'
const upsets: fc.Arbitrary<Upset[]> = fc.array(fc.constantFrom<Upset>('none', 'none', 'none', 'none', 'restart', 'failure'), { minLength: 60, maxLength: 60 })

function ask ({ store }: LimitBooks, move: TimedMove): Promise<unknown> {
  const { name: rid, bornMs, mode } = move
  switch (move.kind) {
    case 'reserve': return store.reserve({ team: TEAM, rid, bornMs, claims: claimsOf(move), mode, expiry: expiryOf(rid) })
    case 'settle': return store.settle({ team: TEAM, rid, bornMs, charges: chargesOf(move, move.used), record: undefined })
    case 'renew': return store.renew({ team: TEAM, rids: [rid] })
    case 'hold': return store.hold({ team: TEAM, durationMs: 1_500 })
  }
}

/** Leases are in no database: those of one's own begin anew, and those of a process that is gone are over. */
function lease ({ state }: Played, dueMs: number): void {
  for (const reservation of [...state.reservations.values()]) if (reservation.state === 'held') state.due.put(reservation, dueMs)
}

function dumpOf ({ state }: Played): Record<string, string> {
  const counters = [...state.counters, ...state.texts].filter(([field]) => field !== 'v' && field !== 'e').map(([field, value]) => [field, String(value)])
  const reservations = [...state.reservations.values()].map(({ rid, state, bornMs, expiry, entries }) => [`${state}:${rid}`, JSON.stringify({ state, bornMs, expiry, entries })])
  return Object.fromEntries([...counters, ...reservations]) as Record<string, string>
}

t.test('whatever happens, restarts and failures included, the database is what memory would be', async (t) => {
  let folders = 0
  await fc.assert(fc.asyncProperty(moves, upsets, async (history, upsets) => {
    const folder = `${newDataFolder(t)}-${folders++}`
    const played = createPlayed()
    let books = openLimitBooks(folder)
    for (const [index, move] of at(history).entries()) {
      if (upsets[index] === 'restart') {
        await books.close()
        books = openLimitBooks(folder)
        lease(played, 0)
      }
      books.now.set(move.nowMs)
      if (upsets[index] === 'failure') {
        refuseWrites(books, 'on')
        const isRejected = await ask(books, move).then(() => false, () => true)
        refuseWrites(books, 'off')
        if (isRejected) lease(played, move.nowMs + LEASE_MS)
        else play(played, move)
      }
      assert.deepEqual(await ask(books, move), play(played, move))
      for (const rid of takeChanges(played.state).finals.keys()) played.finals.add(rid)
      assert.deepEqual(await books.dump(TEAM), dumpOf(played))
    }
    await books.close()
  }), { numRuns: 60 })
})
