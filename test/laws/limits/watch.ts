import assert from 'node:assert/strict'
import { callsOf } from './play.ts'
import { createModel } from './model.ts'
import { createWitness, remember } from './witness.ts'
import { INVARIANTS } from './invariants.ts'
import { limitsOf, openScene, TEAM_NAMES } from './scene.ts'
import { remembered, withLeasesOf } from './sums.ts'
import type { Life } from './steps.ts'
import type { Moment } from './witness.ts'
import type { Subject } from './subject.ts'
import type { TeamDump } from './dump.ts'

/** How many steps pass between two looks at the team that nobody called. */
const STEPS_PER_OTHER_LOOK = 8

/**
 * Asserts every invariant after every step of a life, on the model or on a store alone.
 * @returns how many steps that were
 */
export async function watchLife (life: Life, subject: Subject | undefined, see: (moment: Moment) => void = () => {}): Promise<number> {
  await subject?.clear()
  const model = createModel()
  const scene = openScene(life, model.team)
  const dumpOf = async (team: string): Promise<TeamDump> => shown(subject, model.dump(team), await subject?.dump(team))
  const witnesses = new Map(TEAM_NAMES.map((team) => [team, createWitness()]))
  const dumps = new Map<string, TeamDump>()
  for (const team of TEAM_NAMES) dumps.set(team, await dumpOf(team))
  let count = 0
  for (const step of life.steps) {
    for (const timed of callsOf(scene, step)) {
      const { team } = timed.call.args
      const [before, witness] = [dumps.get(team), witnesses.get(team)]
      assert.ok(before !== undefined && witness !== undefined)
      const expected = model.take(timed)
      const reply = subject === undefined ? expected : await subject.take(timed)
      const after = await dumpOf(team)
      dumps.set(team, after)
      const [old, young] = [remembered(before, scene.latestMs), remembered(after, scene.latestMs)]
      const moment: Moment = { ...timed, reply, before: old, after: young, witness, limits: limitsOf(scene, { team }) }
      remember(moment)
      checkAll(moment)
      see(moment)
      count += 1
      if (count % STEPS_PER_OTHER_LOOK === 0) await checkOthers(team, dumps, { dumpOf, latestMs: scene.latestMs })
    }
  }
  return count
}

function shown (subject: Subject | undefined, known: TeamDump, dump = known): TeamDump {
  return subject?.keepsLeases === false ? withLeasesOf(known, dump) : dump
}

function checkAll (moment: Moment): void {
  for (const { number, sentence, check } of INVARIANTS) {
    try {
      check(moment)
    } catch (cause) {
      const { call, nowMs, reply } = moment
      throw new Error(`invariant ${number}, ${sentence}: ${JSON.stringify({ call, nowMs, reply })}`, { cause })
    }
  }
}

interface Look { readonly dumpOf: (team: string) => Promise<TeamDump>, readonly latestMs: number }

/** Invariant 18: teams are independent. */
async function checkOthers (team: string, dumps: ReadonlyMap<string, TeamDump>, { dumpOf, latestMs }: Look): Promise<void> {
  for (const [other, dump] of dumps) {
    if (other === team) continue
    assert.deepEqual(remembered(await dumpOf(other), latestMs), remembered(dump, latestMs), 'invariant 18: a step of one team changes another')
  }
}
