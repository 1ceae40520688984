import t from 'tap'
import { checkRecord, createEmbeddedLedger, createLedgerWriter } from '../../../src/store/embedded/ledger.ts'
import { newDataFolder } from './data-folder.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'
import { recordOf } from '../limit-scene.ts'
import type { DatabaseSync } from 'node:sqlite'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { LimitReport } from '../../../src/metering/limit-report.ts'

const BUDGET: LimitReport = {
  scope: 'team',
  id: 'monthly',
  perModelId: undefined,
  kind: 'budget',
  unit: 'CNY',
  amount: 2 ** 52,
  used: 2 ** 51 + 1,
  held: 3,
  requested: 4,
  remaining: 5,
  allows: false,
  retryAfterMs: 'never',
  resetsAtMs: undefined
}
const RATE: LimitReport = { ...BUDGET, scope: 'key_model', id: 'requests_per_minute', perModelId: 'big', kind: 'rate', unit: 'requests', allows: true, retryAfterMs: undefined, resetsAtMs: 1_760_000_000_000 }

const WHOLE = recordOf({ limits: [BUDGET, RATE, { ...RATE, retryAfterMs: 1_500 }] })
const SPARSE = recordOf({
  requestId: 's',
  upstreamRequestId: undefined,
  stream: false,
  outcome: 'cut',
  errorKind: 'client_closed',
  currency: undefined,
  firstContentMs: undefined,
  costNano: 0,
  usage: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, source: 'estimated' }
})

function written (database: DatabaseSync): number {
  return Number(database.prepare('SELECT count(*) AS count FROM ledger').get()?.['count'])
}

t.test('a record is found as it was given, at once and after a start', async (t) => {
  const folder = newDataFolder(t)
  const database = openDatabase(folder)
  const writer = createLedgerWriter(database)
  for (const record of [WHOLE, SPARSE]) {
    writer.insert(record)
    t.strictSame(await createEmbeddedLedger(database).find(record.requestId, 'search'), record)
  }
  database.close()
  const again = openDatabase(folder)
  for (const record of [WHOLE, SPARSE]) t.strictSame(await createEmbeddedLedger(again).find(record.requestId, 'search'), record)
  again.close()
})

t.test('a team sees its own records only', async (t) => {
  const database = openDatabase(newDataFolder(t))
  const ledger = createEmbeddedLedger(database)
  createLedgerWriter(database).insert(WHOLE)
  for (const team of ['other', '', 'SEARCH', '%', "' OR 1=1 --"]) t.equal(await ledger.find(WHOLE.requestId, team), undefined)
  t.equal(await ledger.find('unknown', 'search'), undefined)
  t.ok(await ledger.find(WHOLE.requestId, 'search'))
  database.close()
})

t.test('a request is booked once, however often it is inserted', async (t) => {
  const database = openDatabase(newDataFolder(t))
  const writer = createLedgerWriter(database)
  for (const record of [WHOLE, { ...WHOLE, costNano: 9 }, { ...WHOLE, team: 'other' }]) writer.insert(record)
  t.strictSame(await createEmbeddedLedger(database).find(WHOLE.requestId, 'search'), WHOLE)
  t.equal(written(database), 1)
  database.close()
})

t.test('whatever passes the check can be written, and what does not pass could not', async (t) => {
  const database = openDatabase(newDataFolder(t))
  const writer = createLedgerWriter(database)
  const usage = WHOLE.usage
  const broken: Partial<LedgerRecord>[] = [
    { timeMs: 0.5 },
    { attempts: Number.NaN },
    { costNano: 1e-9 },
    { costNano: Number.POSITIVE_INFINITY },
    { firstContentMs: 1.25 },
    { durationMs: 900.5 },
    ...(['inputTokens', 'cachedInputTokens', 'outputTokens', 'reasoningTokens'] as const).map((member) => ({ usage: { ...usage, [member]: 0.1 } }))
  ]
  for (const changes of broken) {
    const record = recordOf(changes)
    t.throws(() => checkRecord(record), { name: 'TypeError' })
    t.throws(() => writer.insert(record), JSON.stringify(changes))
  }
  for (const record of [WHOLE, SPARSE]) t.doesNotThrow(() => checkRecord(record))
  t.equal(written(database), 0)
  database.close()
})
