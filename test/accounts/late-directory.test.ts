import t from 'tap'
import { createManualClock } from '../support/fixed.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { openLateDirectory } from '../../src/accounts/late-directory.ts'
import type { Directory } from '../../src/accounts/directory.ts'

const away = (): GatewayError => new GatewayError('store_unavailable', 'away')
const DIRECTORY = { teams: () => [{ id: 'search' }], catchUp: async () => undefined } as unknown as Directory

/** Lets what a timer began come to its end. */
async function settled (): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await Promise.resolve()
}

async function start (answers: (Directory | Error)[]) {
  const clock = createManualClock()
  const opened: Directory[] = []
  const failures: unknown[] = []
  let tries = 0
  const late = await openLateDirectory(async () => {
    const answer = answers[Math.min(tries++, answers.length - 1)] as Directory | Error
    if (answer instanceof Error) throw answer
    return answer
  }, { clock, opened: (directory) => { opened.push(directory) }, failed: (cause) => { failures.push(cause) } })
  return { clock, late, opened, failures, tries: () => tries }
}

t.test('a store that is there is read at once', async (t) => {
  const { late, opened, clock } = await start([DIRECTORY])
  t.equal(late.isOpen, true)
  t.same(late.directory.teams(), [{ id: 'search' }])
  t.same(opened, [DIRECTORY])
  t.equal(clock.pending, 0)
})

t.test('one that is away is tried again until it is there, and lets nobody in before', async (t) => {
  const { late, opened, clock, failures, tries } = await start([away(), away(), DIRECTORY])
  t.equal(late.isOpen, false)
  t.throws(() => late.directory.findByDigest('d'), { kind: 'store_unavailable', retryAfterMs: 1_000 } as unknown as Error)
  await t.rejects(late.directory.createTeam('a', {}, undefined), { kind: 'store_unavailable' } as unknown as Error)
  clock.advance(500)
  await settled()
  t.same([late.isOpen, tries()], [false, 2])
  clock.advance(500)
  await settled()
  t.same([late.isOpen, tries(), opened], [true, 3, [DIRECTORY]])
  t.same([clock.pending, failures], [0, []])
})

t.test('what is no absence ends the start, or is told and tried again later', async (t) => {
  const bug = new TypeError('a bug')
  await t.rejects(start([bug]), bug)
  const { clock, failures, late } = await start([away(), bug, DIRECTORY])
  clock.advance(500)
  await settled()
  t.same(failures, [bug])
  clock.advance(500)
  await settled()
  t.equal(late.isOpen, true)
})

t.test('nothing is tried any more once it is stopped', async (t) => {
  const { clock, late, tries } = await start([away()])
  late.stop()
  t.equal(clock.pending, 0)
  clock.advance(10_000)
  t.equal(tries(), 1)
})
