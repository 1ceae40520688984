import type { Test } from 'tap'
import type { ListQuery, RefusalRecord, Refusals } from '../../src/metering/ledger.ts'
import type { ManualClock } from '../support/fixed.ts'

export interface RefusalsUnderTest {
  readonly refusals: Refusals
  readonly clock: ManualClock
  readonly refusalOf: (timeMs: number, index: number) => RefusalRecord
}

const HOUR_MS = 3_600_000

/** What listing refusals promises, of every store. */
export async function refusalListRules (t: Test, open: (t: Test) => Promise<RefusalsUnderTest>): Promise<void> {
  const { refusals, clock, refusalOf } = await open(t)
  const nowMs = clock.nowMs()
  const all = { team: 'search', fromMs: 0, toMs: nowMs + HOUR_MS, limit: 1_000 }
  const messages = async (changes: Partial<ListQuery> = {}): Promise<string[]> => (await refusals.list({ ...all, ...changes })).map(({ record }) => record.message)
  t.same(await messages(), [])

  const times = [-2.5, 0, -7, -1, -0.1, -2, -23].map((hours) => nowMs + hours * HOUR_MS)
  for (const [index, timeMs] of times.entries()) refusals.append({ ...refusalOf(timeMs, index), message: `${index}` })
  refusals.append({ ...refusalOf(nowMs, 50), team: 'other', message: 'another team’s' })

  await t.test('refusals are listed by time, the latest first, also those that wait to be written', async (t) => {
    t.same(await messages(), ['1', '4', '3', '5', '0', '2', '6'])
    t.same(await messages({ team: 'nobody' }), [])
    t.same(await messages({ fromMs: nowMs - 2.5 * HOUR_MS, toMs: nowMs }), ['4', '3', '5', '0'])
    t.same(await messages({ limit: 2 }), ['1', '4'])
  })

  await t.test('refusals of one moment are listed page by page, without gaps or repetitions', async (t) => {
    for (let index = 100; index < 170; index++) refusals.append({ ...refusalOf(nowMs - 3 * HOUR_MS, index), message: 'many' })
    const cursors: string[] = []
    for (let pages = 0; pages < 40; pages++) {
      const before = cursors.at(-1)
      const page = await refusals.list({ ...all, limit: 7, ...before !== undefined && { before } })
      cursors.push(...page.map(({ cursor }) => cursor))
      if (page.length < 7) break
    }
    t.equal(cursors.length, 77)
    t.same(cursors, cursors.toSorted().reverse())
    t.equal(new Set(cursors).size, 77)
    t.ok(cursors.every((cursor) => /^\d{13}-\d{6,}-r-search$/.test(cursor)))
  })
}
