import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { at, chargesOf, createPlayed, moves, play, TOKENS } from './engine-moves.ts'
import { BUCKET_UNITS } from '../../src/limits/claim.ts'
import { counter, isChanged, takeChanges } from '../../src/limits/engine-state.ts'
import { DAY_MS, MIDNIGHT_MS } from '../store/limit-scene.ts'
import { FINAL_GRACE_MS, FINAL_MEMORY_MS, LEASE_MS, SWEEP_RESERVATIONS_MAX } from '../../src/limits/store.ts'
import type { Played, TimedMove } from './engine-moves.ts'
import type { TeamState } from '../../src/limits/engine-state.ts'

/** Sums by the names of counters. */
type Sums = Map<string, number>

function add (sums: Sums, field: string, amount: number): void {
  sums.set(field, (sums.get(field) ?? 0) + amount)
}

/** What each reservation has been charged so far: the last word on it, and not a sum. */
type Charged = Map<string, readonly (readonly [field: string, amount: number])[]>

function playAndNote (played: Played, move: TimedMove, charged: Charged): ReturnType<typeof play> {
  const { reservations } = played.state
  const entries = reservations.get(move.name)?.entries
  const reply = play(played, move)
  for (const { rid } of played.state.changes.ledger) {
    const expired = reservations.get(rid)?.entries.filter(({ kind }) => kind === 'budget') ?? []
    charged.set(rid, expired.map(({ id, windowId, cost }) => [`bs:${id}:${windowId}`, cost]))
  }
  if ('how' in reply) {
    charged.set(move.name, chargesOf(move, move.used).flatMap((charge, index) =>
      charge.kind === 'budget' ? [[`bs:${charge.id}:${entries?.[index]?.windowId ?? charge.windowId}`, charge.cost]] : []))
  }
  return reply
}

function sumOfHeld (state: TeamState): Sums {
  const sums: Sums = new Map()
  for (const { state: status, entries } of state.reservations.values()) {
    for (const { kind, id, windowId, cost } of status === 'held' ? entries : []) {
      if (kind === 'budget') add(sums, `br:${id}:${windowId}`, cost)
      if (kind === 'concurrency') add(sums, `c:${id}`, 1)
    }
  }
  return sums
}

/** Without windows that are gone, and that long enough. */
function sumOfCharged (charged: Charged, state: TeamState, nowMs: number): Sums {
  const sums: Sums = new Map()
  for (const charges of charged.values()) {
    for (const [field, amount] of charges) {
      const endMs = MIDNIGHT_MS + (Number(field.split(':d')[1]) + 1) * DAY_MS
      if (state.counters.has(field) || endMs + FINAL_MEMORY_MS + LEASE_MS >= nowMs) add(sums, field, amount)
    }
  }
  return sums
}

function counted (state: TeamState, fields: RegExp): Record<string, number> {
  return without0([...state.counters].filter(([field]) => fields.test(field)))
}

function without0 (sums: Iterable<readonly [string, number]>): Record<string, number> {
  return Object.fromEntries([...sums].filter(([, value]) => value !== 0))
}

t.test('whatever happens, counters are the sums of what is held and of what was charged', async () => {
  fc.assert(fc.property(moves, (history) => {
    const played = createPlayed()
    const { state } = played
    const charged: Charged = new Map()
    let latestMs = MIDNIGHT_MS
    for (const move of at(history)) {
      latestMs = Math.max(latestMs, move.nowMs)
      const version = counter(state, 'v')
      const reply = playAndNote(played, move, charged)
      assert.deepEqual(counted(state, /^(br|c):/), without0(sumOfHeld(state)))
      assert.deepEqual(counted(state, /^bs:/), without0(sumOfCharged(charged, state, latestMs)))
      assert.ok(Math.abs(counter(state, 'rl:tpm')) <= TOKENS.burst * BUCKET_UNITS)
      assert.equal(counter(state, 'v') > version, isChanged(state), 'a version for every change')
      assert.equal(reply.version, counter(state, 'v'))
      for (const rid of takeChanges(state).finals.keys()) played.finals.add(rid)
    }
  }), { numRuns: 300 })
})

t.test('whatever happened, once all is settled or has run out nothing is held, and in the end nothing is remembered', async () => {
  fc.assert(fc.property(moves, (history) => {
    const played = createPlayed()
    const timed = at(history)
    for (const move of timed) play(played, move)
    const last: TimedMove = { afterMs: 0, kind: 'renew', mode: 'check', rid: 0, cost: 0, used: 0, name: 'x', bornMs: 0, nowMs: (timed.at(-1)?.nowMs ?? 0) + 10 * DAY_MS }
    play(played, last)
    assert.deepEqual(counted(played.state, /^(br|c):/), {})
    play(played, { ...last, nowMs: last.nowMs + FINAL_MEMORY_MS + FINAL_GRACE_MS })
    assert.equal(played.state.reservations.size, 0)
    assert.equal(played.state.due.first(), undefined)
  }), { numRuns: 100 })
})

t.test('a step tells what it changed, and no more', async (t) => {
  const played = createPlayed()
  const move: TimedMove = { afterMs: 0, kind: 'reserve', mode: 'reserve', rid: 0, cost: 5, used: 3, name: 'a#1', bornMs: MIDNIGHT_MS, nowMs: MIDNIGHT_MS }
  play(played, { ...move, mode: 'check' })
  t.notOk(isChanged(played.state))
  play(played, move)
  const reserved = takeChanges(played.state)
  t.same([...reserved.fields].sort(), ['br:day:d0', 'br:key:d0', 'bw:day', 'bw:key', 'c:cc', 'e', 'rl:tpm', 'rt:tpm', 'v'])
  t.same([...reserved.rids], ['a#1'])
  t.notOk(isChanged(played.state), 'what was taken is no longer there')
  play(played, move)
  play(played, { ...move, kind: 'renew' })
  t.notOk(isChanged(played.state), 'a new lease is no change')
  play(played, { ...move, kind: 'renew', nowMs: MIDNIGHT_MS + LEASE_MS })
  const expired = takeChanges(played.state)
  t.same([...expired.fields].sort(), ['br:day:d0', 'br:key:d0', 'bs:day:d0', 'bs:key:d0', 'c:cc', 'v'])
  const expiry = { requestId: 'a', outcome: 'expired' }
  t.match(expired.ledger, [{ rid: 'a#1', atMs: MIDNIGHT_MS + LEASE_MS, former: undefined, record: expiry }])
  play(played, { ...move, kind: 'settle' })
  const settled = takeChanges(played.state)
  t.same([...settled.fields].sort(), ['bs:day:d0', 'bs:key:d0', 'v'])
  t.same([[...settled.rids], [...settled.finals]], [['a#1'], [['a#1', MIDNIGHT_MS]]])
  t.match(settled.ledger, [{ rid: 'a#1', former: expiry, record: undefined }])
})

t.test('a step does as much work whatever waits', async (t) => {
  const played = createPlayed()
  const move: TimedMove = { afterMs: 0, kind: 'reserve', mode: 'force', rid: 0, cost: 1, used: 1, name: '', bornMs: MIDNIGHT_MS, nowMs: MIDNIGHT_MS }
  for (let index = 0; index < 500; index++) play(played, { ...move, name: `r${index}` })
  takeChanges(played.state)
  play(played, { ...move, name: 'late', nowMs: MIDNIGHT_MS + DAY_MS })
  t.equal(takeChanges(played.state).rids.size, SWEEP_RESERVATIONS_MAX)
})
