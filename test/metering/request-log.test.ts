import t from 'tap'
import fc from 'fast-check'
import { createMemoryLog, RECORD } from './memory-log.ts'
import { isSelected, requestEntries, requestPage } from '../../src/metering/request-log.ts'
import type { MemoryLog } from './memory-log.ts'
import type { RequestSelection } from '../../src/metering/request-log.ts'

const ALL = { teams: ['search', 'ads'], fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }
const BOUNDS = { limit: 100, scannedMax: 1_000 }

async function idsOf (log: MemoryLog, selection: Partial<RequestSelection> = {}): Promise<string[]> {
  const { entries } = await requestPage(log, { ...ALL, ...selection }, BOUNDS)
  return entries.map(({ record }) => record.requestId)
}

t.test('both lists of all teams are one, the latest first', async (t) => {
  const log = createMemoryLog()
  log.charge({ requestId: 'a' })
  log.refuse({ requestId: 'b', team: 'ads' })
  log.charge({ requestId: 'c', team: 'ads' })
  log.refuse({ requestId: 'd' })
  log.charge({ requestId: 'e', team: 'others' })
  t.same(await idsOf(log), ['d', 'c', 'b', 'a'])
  t.same(await idsOf(log, { teams: ['ads'] }), ['c', 'b'])
  t.same(await idsOf(log, { teams: [] }), [])
})

t.test('the status is a number, a class, or how it ended', async (t) => {
  const log = createMemoryLog()
  log.charge({ requestId: 'ok' })
  log.charge({ requestId: 'broken', outcome: 'failed', errorKind: 'upstream_failed' })
  log.charge({ requestId: 'bad', outcome: 'failed', status: 502 })
  log.charge({ requestId: 'left', outcome: 'client_closed', status: 499 })
  log.refuse({ requestId: 'rate' })
  log.refuse({ requestId: 'never', errorKind: 'invalid_request' })
  log.refuse({ requestId: 'old', errorKind: 'what is not known any more' })
  const by = async (status: string): Promise<string[]> => await idsOf(log, { status })
  t.same(await by('200'), ['broken', 'ok'], 'a stream that broke had begun well')
  t.same(await by('5xx'), ['bad'])
  t.same(await by('4xx'), ['old', 'never', 'rate', 'left'])
  t.same(await by('429'), ['old', 'rate'])
  t.same(await by('failed'), ['bad', 'broken'])
  t.same(await by('refused'), ['old', 'never', 'rate'])
  t.same(await by('expired'), [])
})

t.test('keys, models and the time a request began are told apart', async (t) => {
  const log = createMemoryLog()
  log.charge({ requestId: 'a' })
  log.charge({ requestId: 'b', keyId: 'k2' })
  log.refuse({ requestId: 'c', model: 'qwen-max' })
  log.charge({ requestId: 'd', timeMs: RECORD.timeMs - 1 })
  t.same(await idsOf(log, { key: 'k2' }), ['b'])
  t.same(await idsOf(log, { model: 'qwen-max' }), ['c'])
  t.same(await idsOf(log, { fromMs: RECORD.timeMs }), ['c', 'b', 'a'])
  t.same(await idsOf(log, { toMs: RECORD.timeMs }), ['d'])
})

t.test('one call looks at no more than its bound, and says where the next goes on', async (t) => {
  const log = createMemoryLog()
  for (let index = 0; index < 30; index++) log.charge({ requestId: String(index), keyId: index % 10 === 0 ? 'rare' : 'often' })
  const pages: string[][] = []
  let before: string | undefined
  do {
    const { entries, next } = await requestPage(log, { ...ALL, key: 'rare', before }, { limit: 2, scannedMax: 12 })
    pages.push(entries.map(({ record }) => record.requestId))
    before = next
  } while (before !== undefined)
  t.same(pages, [['20'], ['10'], ['0']], 'a page may have less than its limit')
})

t.test('the last page says so, also where it is full', async (t) => {
  const log = createMemoryLog()
  for (const requestId of ['a', 'b']) log.charge({ requestId })
  t.match(await requestPage(log, ALL, { ...BOUNDS, limit: 2 }), { entries: { length: 2 }, next: undefined })
  t.match(await requestPage(log, ALL, { ...BOUNDS, limit: 1 }), { entries: { length: 1 }, next: /-l-search$/ })
  t.match(await requestPage(createMemoryLog(), ALL, BOUNDS), { entries: { length: 0 }, next: undefined })
})

t.test('many teams are asked for little each, and one of them with much for more and more', async (t) => {
  const log = createMemoryLog()
  const teams = Array.from({ length: 500 }, (_, index) => `team-${index}`)
  for (let index = 0; index < 300; index++) log.charge({ team: 'team-7', requestId: String(index) })
  const found: string[] = []
  for await (const part of requestEntries(log, { ...ALL, teams })) found.push(...part.map(({ record }) => record.requestId))
  t.same(found, Array.from({ length: 300 }, (_, index) => String(299 - index)))
  t.ok(log.queries.slice(0, 1_000).every(({ limit }) => limit === 1))
  t.same(log.queries.slice(1_000).map(({ limit }) => limit), [2, 4, 8, 16, 32, 64, 128, 200])
})

t.test('law: pages of any length are the whole, once and in its order', async (t) => {
  const writes = fc.array(fc.record({ team: fc.constantFrom('search', 'ads'), isRefused: fc.boolean(), keyId: fc.constantFrom('k1', 'k2'), delayMs: fc.nat(1) }), { maxLength: 60 })
  const { failed, counterexample } = await fc.check(fc.asyncProperty(writes, fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 20 }), fc.constantFrom('k1', undefined), async (written, limit, scannedMax, key) => {
    const log = createMemoryLog()
    for (const [index, { isRefused, delayMs, ...names }] of written.entries()) {
      if (isRefused) log.refuse({ requestId: String(index), ...names }, delayMs)
      else log.charge({ requestId: String(index), ...names }, delayMs)
    }
    const found: string[] = []
    let before: string | undefined
    do {
      const { entries, next } = await requestPage(log, { ...ALL, key, before }, { limit, scannedMax })
      if (entries.length > limit) return false
      found.push(...entries.map(({ record }) => record.requestId))
      before = next
    } while (before !== undefined)
    const expected = [...written.keys()].filter((index) => key === undefined || written[index]?.keyId === key).reverse().map(String)
    return JSON.stringify(found) === JSON.stringify(expected)
  }), { numRuns: 200 })
  t.notOk(failed, JSON.stringify(counterexample))
})

t.test('what is selected is selected wherever it stands', async (t) => {
  const entry = { kind: 'charged' as const, cursor: '', record: RECORD }
  t.ok(isSelected(entry, { ...ALL, key: 'k1', model: 'qwen-coder-turbo', status: '2xx' }))
  t.notOk(isSelected(entry, { ...ALL, key: 'k1', model: 'qwen-max', status: '2xx' }))
})
