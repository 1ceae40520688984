import t from 'tap'
import { createEmbeddedRefusals } from '../../../src/store/embedded/refusals.ts'
import { createManualClock } from '../../support/fixed.ts'
import { newDataFolder } from './data-folder.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'
import { refusalListRules } from '../refusal-list-contract.ts'
import type { DatabaseSync } from 'node:sqlite'
import type { RefusalRecord } from '../../../src/metering/ledger.ts'

function refusalOf (requestId: string, changes: Partial<RefusalRecord> = {}): RefusalRecord {
  return {
    requestId,
    timeMs: Date.UTC(2026, 0, 1),
    team: 'search',
    keyId: 'abcdefgh',
    model: 'qwen-coder-turbo',
    errorKind: 'rate_limited',
    message: '预算 "monthly" is spent.',
    limits: [{
      scope: 'team', id: 'monthly', perModelId: undefined, kind: 'budget', unit: 'CNY', amount: 9, used: 9, held: 0, requested: 1, remaining: 0, allows: false, retryAfterMs: 'never', resetsAtMs: undefined
    }],
    ...changes
  }
}

const MANY = `INSERT INTO refusals
  WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers LIMIT 100300)
  SELECT number, 'old', 0, 'search', 'k', 'm', 'e', '', '[]' FROM numbers`

function open (folder: string) {
  const database = openDatabase(folder)
  const clock = createManualClock()
  const lost: number[] = []
  return { database, clock, lost, refusals: createEmbeddedRefusals(database, clock, (count) => { lost.push(count) }) }
}

function written (database: DatabaseSync): number {
  return Number(database.prepare('SELECT count(*) AS count FROM refusals').get()?.['count'])
}

t.test('refusals wait a moment and are written together', async (t) => {
  const { database, clock, refusals } = open(newDataFolder(t))
  refusals.append(refusalOf('a'))
  clock.advance(49)
  refusals.append(refusalOf('b'))
  t.equal(written(database), 0)
  t.equal(clock.pending, 1, 'one timer for all')
  clock.advance(1)
  t.equal(written(database), 2)
  t.equal(clock.pending, 0)
  database.close()
})

t.test('a refusal is found as it was given, at once and after a start, and by its own team alone', async (t) => {
  const folder = newDataFolder(t)
  const { database, refusals } = open(folder)
  const refusal = refusalOf('a')
  refusals.append(refusal)
  t.strictSame(await refusals.find('a', 'search'), refusal)
  for (const team of ['other', '', "' OR 1=1 --"]) t.equal(await refusals.find('a', team), undefined)
  t.equal(await refusals.find('b', 'search'), undefined)
  refusals.append(refusalOf('a', { message: 'again' }))
  refusals.close()
  database.close()
  const again = open(folder)
  t.match(await again.refusals.find('a', 'search'), { message: 'again' }, 'the last one, where there are more')
  again.database.close()
})

t.test('of a flood the first hundred of each second are kept', async (t) => {
  const { database, clock, refusals } = open(newDataFolder(t))
  for (const second of [0, 1, 2]) {
    for (let index = 0; index < 150; index++) refusals.append(refusalOf(`${second}-${index}`))
    clock.advance(1_000)
    t.equal(written(database), 100 * (second + 1))
  }
  t.ok(await refusals.find('2-99', 'search'))
  t.equal(await refusals.find('2-100', 'search'), undefined)
  database.close()
})

t.test('the newest hundred thousand are kept, and older ones go a few at a time', async (t) => {
  const { database, clock, refusals } = open(newDataFolder(t))
  database.exec(MANY)
  const oldest = (): number => Number(database.prepare('SELECT min(number) AS number FROM refusals').get()?.['number'])
  for (const [requestId, expected] of [['a', 201], ['b', 303], ['c', 304]] as const) {
    refusals.append(refusalOf(requestId))
    clock.advance(50)
    t.equal(oldest(), expected)
  }
  t.equal(written(database), 100_000)
  database.close()
})

t.test('what cannot be written is told and lost, and nothing else is', async (t) => {
  const { database, clock, refusals, lost } = open(newDataFolder(t))
  database.exec('PRAGMA query_only = on')
  for (const requestId of ['a', 'b']) refusals.append(refusalOf(requestId))
  clock.advance(50)
  t.same(lost, [2])
  t.equal(await refusals.find('a', 'search'), undefined)
  database.exec('PRAGMA query_only = off')
  refusals.append(refusalOf('c'))
  refusals.close()
  t.equal(written(database), 1)
  t.equal(clock.pending, 0, 'closing stops the timer')
  refusals.close()
  t.same(lost, [2])
  database.close()
})

t.test('refusals are listed', async (t) => {
  await refusalListRules(t, async (t) => {
    const { database, clock, refusals } = open(newDataFolder(t))
    t.teardown(() => database.close())
    return { refusals, clock, refusalOf: (timeMs, index) => refusalOf(`r${index}`, { timeMs }) }
  })
})
