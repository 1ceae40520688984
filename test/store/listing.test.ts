import t from 'tap'
import { cursorOf, listed } from '../../src/store/listing.ts'
import type { WrittenRange } from '../../src/store/listing.ts'
import type { ListQuery } from '../../src/metering/ledger.ts'

const HOUR_MS = 3_600_000
const NOW_MS = Date.UTC(2026, 10, 25)

t.test('cursors sort by time, and then by what tells entries apart', async (t) => {
  const places = [
    cursorOf('l', { atMs: 999, sequence: 9, team: 'b' }),
    cursorOf('l', { atMs: NOW_MS, sequence: 2, team: 'b' }),
    cursorOf('l', { atMs: NOW_MS, sequence: 10, team: 'a' }),
    cursorOf('l', { atMs: NOW_MS, sequence: 10, team: 'b' }),
    cursorOf('r', { atMs: NOW_MS, sequence: 10, team: 'a' }),
    cursorOf('r', { atMs: NOW_MS, sequence: 2n ** 64n - 1n, team: 'a' }),
    cursorOf('l', { atMs: NOW_MS + 1, sequence: 0, team: 'a' })
  ]
  t.same(places, places.toSorted())
  t.equal(new Set(places).size, places.length)
  t.match(places[1], /^\d{13}-\d{6,}-l-b$/)
})

interface Asked { readonly ranges: WrittenRange[], readonly found: readonly string[], readonly pagesRead: number }

/** Lists what began at the given times, each written at once, in pages of three. */
async function list (timesMs: readonly number[], changes: Partial<ListQuery>): Promise<Asked> {
  const items = timesMs.map((timeMs, index) => ({ cursor: cursorOf('l', { atMs: timeMs, sequence: index, team: 't' }), record: { timeMs } })).reverse()
  const ranges: WrittenRange[] = []
  let pagesRead = 0
  const found = await listed({ team: 't', fromMs: 0, toMs: NOW_MS, limit: 100, ...changes }, async function * (range) {
    ranges.push(range)
    for (let from = 0; from < items.length; from += 3) {
      pagesRead += 1
      yield items.slice(from, from + 3)
    }
  })
  return { ranges, found: found.map(({ record: { timeMs } }) => String(timeMs)), pagesRead }
}

t.test('only what began in the range and was written before the cursor is listed, and no page is read for nothing', async (t) => {
  const times = [1, 2, 3, 4, 5, 6, 7, 8, 9]
  t.same((await list(times, {})).found, ['9', '8', '7', '6', '5', '4', '3', '2', '1'])
  t.same((await list(times, { fromMs: 4, toMs: 7 })).found, ['6', '5', '4'])
  t.match(await list(times, { limit: 3 }), { found: ['9', '8', '7'], pagesRead: 1 })
  t.match(await list(times, { limit: 4 }), { found: ['9', '8', '7', '6'], pagesRead: 2 })
  t.same((await list(times, { before: cursorOf('l', { atMs: 5, sequence: 4, team: 't' }) })).found, ['4', '3', '2', '1'])
  t.match(await list(times, { limit: 0 }), { found: [], ranges: [] })
})

t.test('records are looked for from a little before the range to a day after it, or to the cursor', async (t) => {
  const rangeOf = async (changes: Partial<ListQuery>): Promise<WrittenRange | undefined> => (await list([], changes)).ranges[0]
  t.strictSame(await rangeOf({ fromMs: NOW_MS - 5 * HOUR_MS }), { earliestMs: NOW_MS - 6 * HOUR_MS, latestMs: NOW_MS + 24 * HOUR_MS })
  t.match(await rangeOf({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }), { earliestMs: 0, latestMs: 9_999_999_999_999 })
  t.match(await rangeOf({ before: cursorOf('r', { atMs: NOW_MS + 7, sequence: 1, team: 'x' }) }), { latestMs: NOW_MS + 7 })
  t.match(await rangeOf({ before: 'no cursor of ours' }), { latestMs: NOW_MS + 24 * HOUR_MS })
})
