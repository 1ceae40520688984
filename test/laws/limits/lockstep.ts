import assert from 'node:assert/strict'
import { bornMsOf } from './requests.ts'
import { createModel } from './model.ts'
import { FINAL_MEMORY_MS } from '../../../src/limits/store.ts'
import { openScene, TEAM_NAMES } from './scene.ts'
import { remembered, withLeasesOf } from './sums.ts'
import type { Life } from './steps.ts'
import type { Model } from './model.ts'
import type { Reply, Timed } from './calls.ts'
import type { Scene } from './scene.ts'
import type { Subject } from './subject.ts'

/** Model and stores take the same calls, and must say and become the same. */
export interface Lockstep {
  readonly scene: Scene
  readonly model: Model
  /** How many calls each of them has taken. */
  readonly taken: number
  take (timed: Timed): Reply
  /** Waits for all replies and looks at all state. @throws AssertionError where anything differs */
  look (): Promise<void>
}

interface Awaited { readonly timed: Timed, readonly expected: Reply, readonly replies: readonly Promise<Reply>[] }

export function createLockstep (life: Life, subjects: readonly Subject[]): Lockstep {
  const model = createModel()
  const scene = openScene(life, model.team)
  let awaited: Awaited[] = []
  let taken = 0
  return {
    scene,
    model,
    get taken () { return taken },
    take (timed) {
      const expected = model.take(timed)
      const replies = subjects.map((subject) => subject.take(timed))
      // All are waited for in `look`; until then none counts as unhandled.
      for (const reply of replies) reply.catch(() => {})
      awaited.push({ timed, expected, replies })
      taken += 1
      return expected
    },
    async look () {
      const waiting = awaited
      awaited = []
      for (const { timed, expected, replies } of waiting) {
        for (const [index, reply] of replies.entries()) {
          const actual = await reply
          const unlike = `${subjects[index]?.name} does not answer ${JSON.stringify(timed)} as the model does`
          assert.deepEqual(comparable(actual, timed), comparable(expected, timed), unlike)
        }
      }
      for (const team of TEAM_NAMES) for (const subject of subjects) await compareDumps(team, { model, scene }, subject)
    }
  }
}

/** Of whom a store need not remember anything, it may say either that he is final or that he is too old, and know him or not. */
function comparable (reply: Reply, { nowMs, call }: Timed): Reply {
  const isForgotten = (bornMs: number): boolean => nowMs - bornMs > FINAL_MEMORY_MS
  if (reply === 'rejected') return reply
  if ('unknown' in reply) return { ...reply, unknown: reply.unknown.filter((rid) => !isForgotten(bornMsOf(rid))) }
  const isFinal = 'status' in reply && reply.status === 'final'
  return isFinal && call.step === 'reserve' && isForgotten(call.args.bornMs) ? { ...reply, status: 'old' } : reply
}

async function compareDumps (team: string, { model, scene }: Pick<Lockstep, 'model' | 'scene'>, subject: Subject): Promise<void> {
  const [actual, expected] = [await subject.dump(team), model.dump(team)].map((dump) => remembered(dump, scene.latestMs))
  assert.ok(actual !== undefined && expected !== undefined)
  const shown = subject.keepsLeases ? actual : withLeasesOf(expected, actual)
  assert.deepEqual(shown, expected, `${subject.name} has another state than the model`)
}
