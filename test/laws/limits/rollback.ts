import assert from 'node:assert/strict'
import fc from 'fast-check'
import { assertNothingHeld, live } from './lives.ts'
import { calmLifeArbitrary } from './steps.ts'
import { createLockstep } from './lockstep.ts'
import { plain } from './settings.ts'
import { TEAM_NAMES } from './scene.ts'
import type { Call, Reply } from './calls.ts'
import type { Charge } from '../../../src/limits/store.ts'
import type { DumpedReservation } from './dump.ts'
import type { Life } from './steps.ts'
import type { Lockstep } from './lockstep.ts'
import type { Subject } from './subject.ts'

/** A store comes back with what it held after so many steps of a life, in 16ths: at 0 it has lost everything. */
export interface Rollback { readonly life: Life, readonly at: number }

export const rollbackArbitrary: fc.Arbitrary<Rollback> = plain({ life: calmLifeArbitrary, at: fc.integer({ min: 0, max: 16 }) })

/** Away from the edges of all windows. */
const NOON_MS = 12 * 3_600_000
const HOLD_MS = 3_000

/** Invariants 16 and 17: whoever looks sees the loss, and what gateways remember of requests and settlements makes it good. */
export async function replayRestores ({ life, at }: Rollback, subject: Subject): Promise<number> {
  await subject.clear()
  const lockstep = createLockstep(life, [subject])
  const { scene, model } = lockstep
  scene.nowMs = scene.latestMs = scene.nowMs + NOON_MS
  const cut = Math.floor(life.steps.length * at / 16)
  await live(lockstep, life.steps.slice(0, cut), [subject])
  const back = await subject.save()
  const versions = TEAM_NAMES.map((team) => model.dump(team).version)
  await live(lockstep, life.steps.slice(cut), [subject])
  await back()
  for (const [index, team] of TEAM_NAMES.entries()) {
    const isLost = model.dump(team).version > Number(versions[index])
    await recover(lockstep, team, { subject, isLost })
  }
  return lockstep.taken
}

interface Recovery { readonly subject: Subject, readonly isLost: boolean }

async function recover ({ scene: { nowMs, calls }, model }: Lockstep, team: string, { subject, isLost }: Recovery): Promise<void> {
  const take = async (call: Call): Promise<Reply> => await subject.take({ nowMs, call })
  const truth = model.dump(team)
  const held = truth.reservations.filter(({ state }) => state === 'held')
  const renewed = await take({ step: 'renew', args: { team, rids: held.map(({ rid }) => rid) } })
  assert.ok(renewed !== 'rejected' && 'unknown' in renewed)
  // Where leases die with the process, so does everybody who might remember a version.
  if (subject.keepsLeases) assert.equal(renewed.version < truth.version, isLost, 'invariant 16: a loss that no version tells of')
  await take({ step: 'hold', args: { team, durationMs: HOLD_MS } })
  for (const rid of renewed.unknown) await take(forced(calls, rid))
  for (const call of calls) if (call.step === 'settle' && call.args.team === team) await take(call)
  for (const reservation of held) {
    const call = settled(team, reservation)
    model.take({ nowMs, call })
    await take(call)
  }
  const [actual, expected] = [await subject.dump(team), model.dump(team)]
  assertNothingHeld(actual)
  assert.deepEqual(spentIn(actual.counters), spentIn(expected.counters), 'invariant 17: what is spent')
  assert.deepEqual(actual.finals, expected.finals, 'invariant 17: what is final')
  assert.deepEqual(actual.ledger, expected.ledger, 'invariant 17: what is written')
  assert.deepEqual(actual.usage, expected.usage, 'invariant 17: what is summed up')
}

/** As a gateway puts back a reservation whose request still runs. */
function forced (calls: readonly Call[], rid: string): Call {
  const call = calls.find((other) => other.step === 'reserve' && other.args.rid === rid && other.args.mode !== 'check')
  assert.ok(call?.step === 'reserve')
  return { step: 'reserve', args: { ...call.args, mode: 'force' } }
}

function settled (team: string, { rid, bornMs, entries }: DumpedReservation): Call {
  const charges = entries.map((entry): Charge => {
    if (entry.kind === 'concurrency') return { kind: 'concurrency', id: entry.id }
    if (entry.kind === 'rate') return { ...entry, perMinute: 60, burst: 10 }
    return entry
  })
  return { step: 'settle', args: { team, rid, bornMs, charges, record: undefined } }
}

function spentIn (counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).filter(([field, amount]) => field.startsWith('bs:') && amount !== 0))
}
