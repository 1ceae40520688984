import t from 'tap'
import { checkRecord } from '../../../src/metering/ledger.ts'
import { createEmbeddedLedger, createLedgerWriter } from '../../../src/store/embedded/ledger.ts'
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
  attempt: 3,
  superseded: true,
  status: 499,
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

/** Writes records as the only ones of their reservations. */
function write (database: DatabaseSync, ...records: readonly LedgerRecord[]): void {
  const change = createLedgerWriter(database)
  for (const record of records) change(record.team, { rid: `${record.requestId}#${record.attempt}`, atMs: record.timeMs, former: undefined, record })
}

t.test('a record is found as it was given, at once and after a start', async (t) => {
  const folder = newDataFolder(t)
  const database = openDatabase(folder)
  for (const record of [WHOLE, SPARSE]) {
    write(database, record)
    t.strictSame(await createEmbeddedLedger(database).find(record.requestId, 'search'), [record])
  }
  database.close()
  const again = openDatabase(folder)
  for (const record of [WHOLE, SPARSE]) t.strictSame(await createEmbeddedLedger(again).find(record.requestId, 'search'), [record])
  again.close()
})

t.test('a team sees its own records only', async (t) => {
  const database = openDatabase(newDataFolder(t))
  const ledger = createEmbeddedLedger(database)
  write(database, WHOLE)
  for (const team of ['other', '', 'SEARCH', '%', "' OR 1=1 --"]) t.same(await ledger.find(WHOLE.requestId, team), [])
  t.same(await ledger.find('unknown', 'search'), [])
  t.match(await ledger.find(WHOLE.requestId, 'search'), { length: 1 })
  database.close()
})

t.test('a reservation has one record', async (t) => {
  const database = openDatabase(newDataFolder(t))
  write(database, WHOLE)
  t.throws(() => write(database, { ...WHOLE, costNano: 9 }), /UNIQUE/)
  t.strictSame(await createEmbeddedLedger(database).find(WHOLE.requestId, 'search'), [WHOLE])
  database.close()
})

t.test('whatever passes the check can be written, and what does not pass could not', async (t) => {
  const database = openDatabase(newDataFolder(t))
  const usage = WHOLE.usage
  const broken: Partial<LedgerRecord>[] = [
    { timeMs: 0.5 },
    { attempt: 1.5 },
    { attempts: Number.NaN },
    { status: 200.5 },
    { costNano: 1e-9 },
    { costNano: Number.POSITIVE_INFINITY },
    { firstContentMs: 1.25 },
    { durationMs: 900.5 },
    ...(['inputTokens', 'cachedInputTokens', 'outputTokens', 'reasoningTokens'] as const).map((member) => ({ usage: { ...usage, [member]: 0.1 } }))
  ]
  for (const changes of broken) {
    const record = recordOf(changes)
    t.throws(() => checkRecord(record), { name: 'TypeError' })
    t.throws(() => write(database, record), JSON.stringify(changes))
  }
  for (const record of [WHOLE, SPARSE]) t.doesNotThrow(() => checkRecord(record))
  t.equal(written(database), 0)
  database.close()
})
