import assert from 'node:assert/strict'
import { callsOf } from './play.ts'
import { createLockstep } from './lockstep.ts'
import { SWEEP_RESERVATIONS_MAX } from '../../../src/limits/store.ts'
import { TEAM_NAMES } from './scene.ts'
import type { Life, Step } from './steps.ts'
import type { Lockstep } from './lockstep.ts'
import type { Subject } from './subject.ts'
import type { TeamDump } from './dump.ts'

const SWEEPS_MAX = 200

/**
 * A whole life, and what comes after it: invariants 7 and 20. Nobody asks for any reservation any more, and yet each comes to
 * its end; once it need not be remembered, nothing is left of it.
 * @returns how many calls each store has taken
 */
export async function liveInLockstep (life: Life, subjects: readonly Subject[]): Promise<number> {
  for (const subject of subjects) await subject.clear()
  const lockstep = createLockstep(life, subjects)
  await live(lockstep, life.steps, subjects)
  for (const team of TEAM_NAMES) {
    sweepAll(lockstep, team)
    await lockstep.look()
    for (const subject of subjects) assertNothingHeld(await subject.dump(team))
    sweepAll(lockstep, team)
    await lockstep.look()
    for (const subject of subjects) assert.deepEqual((await subject.dump(team)).reservations, [], `${subject.name} forgets no reservation`)
  }
  return lockstep.taken
}

export async function live (lockstep: Lockstep, steps: readonly Step[], subjects: readonly Subject[]): Promise<void> {
  for (const step of steps) {
    if (step.does === 'look') await lockstep.look()
    if (step.does === 'restart') await restart(lockstep, subjects)
    for (const timed of callsOf(lockstep.scene, step)) lockstep.take(timed)
  }
  await lockstep.look()
}

async function restart ({ look, model }: Lockstep, subjects: readonly Subject[]): Promise<void> {
  await look()
  for (const subject of subjects) await subject.restart()
  model.restart()
}

/** Lets everything fall due that is there, and asks for nothing but to sweep. */
export function sweepAll ({ scene, model, take }: Lockstep, team: string): void {
  const dues = [...model.team(team)?.reservations.values() ?? []].map(({ dueMs }) => dueMs)
  scene.nowMs = Math.max(scene.nowMs, ...dues)
  scene.latestMs = Math.max(scene.latestMs, scene.nowMs)
  for (let sweeps = 0; sweeps < SWEEPS_MAX; sweeps++) {
    const reply = take({ nowMs: scene.nowMs, call: { step: 'renew', args: { team, rids: [] } } })
    if (reply === 'rejected' || !('swept' in reply) || reply.swept < SWEEP_RESERVATIONS_MAX) return
  }
  assert.fail('sweeping does not come to an end')
}

export function assertNothingHeld ({ reservations, counters }: TeamDump): void {
  assert.ok(reservations.every(({ state }) => state === 'expired'), 'a lease never ends')
  for (const [field, amount] of Object.entries(counters)) if (/^(c|br):/.test(field)) assert.equal(amount, 0, `${field} is still held`)
}
