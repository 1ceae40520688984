import t from 'tap'
import { createCountedIds, createManualClock } from '../../support/fixed.ts'
import { createEmbeddedLedger } from '../../../src/store/embedded/ledger.ts'
import { newDataFolder } from './data-folder.ts'
import { openDatabase } from '../../../src/store/embedded/database.ts'
import type { DatabaseSync } from 'node:sqlite'
import type { EmbeddedLedger, LostRecord } from '../../../src/store/embedded/ledger.ts'
import type { LedgerRecord } from '../../../src/metering/ledger.ts'
import type { ManualClock } from '../../support/fixed.ts'

const ids = createCountedIds()

function recordOf (changes: Partial<LedgerRecord> = {}): LedgerRecord {
  return {
    requestId: ids.requestId(),
    timeMs: Date.UTC(2026, 0, 1),
    team: 'search',
    keyId: 'abcdefgh',
    model: 'qwen-coder-turbo',
    upstreamModel: 'qwen-coder-turbo-0919',
    surface: 'openai',
    upstream: 'bailian',
    upstreamRequestId: 'b1c2',
    stream: true,
    attempts: 2,
    outcome: 'completed',
    errorKind: undefined,
    usage: { inputTokens: 85, cachedInputTokens: 64, outputTokens: 250, reasoningTokens: 10, source: 'reported' },
    costNano: 1_670_000,
    currency: 'CNY',
    firstContentMs: 120,
    durationMs: 900,
    ...changes
  }
}

interface Books { readonly database: DatabaseSync, readonly clock: ManualClock, readonly ledger: EmbeddedLedger, readonly lost: LedgerRecord[] }

function open (folder: string): Books {
  const database = openDatabase(folder)
  const clock = createManualClock()
  const lost: LedgerRecord[] = []
  const onLost: LostRecord = (record) => { lost.push(record) }
  return { database, clock, ledger: createEmbeddedLedger(database, clock, onLost), lost }
}

function written (database: DatabaseSync): number {
  return Number(database.prepare('SELECT count(*) AS count FROM ledger').get()?.['count'])
}

t.test('records wait a moment and are written together', async (t) => {
  const { database, clock, ledger } = open(newDataFolder(t))
  ledger.append(recordOf())
  clock.advance(49)
  ledger.append(recordOf())
  t.equal(written(database), 0)
  t.equal(clock.pending, 1, 'one timer for all')
  clock.advance(1)
  t.equal(written(database), 2)
  t.equal(clock.pending, 0)
  ledger.append(recordOf())
  clock.advance(50)
  t.equal(written(database), 3, 'and again')
  database.close()
})

t.test('a full batch does not wait', async (t) => {
  const { database, clock, ledger } = open(newDataFolder(t))
  for (let count = 0; count < 499; count++) ledger.append(recordOf())
  t.equal(written(database), 0)
  ledger.append(recordOf())
  t.equal(written(database), 500)
  t.equal(clock.pending, 0)
  database.close()
})

t.test('a record is found as it was given, at once and after a start', async (t) => {
  const folder = newDataFolder(t)
  const { database, ledger } = open(folder)
  const whole = recordOf()
  const sparse = recordOf({
    upstreamRequestId: undefined,
    stream: false,
    outcome: 'client_closed',
    errorKind: 'client_closed',
    currency: undefined,
    firstContentMs: undefined,
    costNano: 0,
    usage: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, source: 'estimated' }
  })
  for (const record of [whole, sparse]) {
    ledger.append(record)
    t.strictSame(ledger.find(record.requestId, 'search'), record)
  }
  database.close()
  const again = open(folder)
  for (const record of [whole, sparse]) t.strictSame(again.ledger.find(record.requestId, 'search'), record)
  again.database.close()
})

t.test('a team sees its own records only', async (t) => {
  const { database, ledger } = open(newDataFolder(t))
  const record = recordOf()
  ledger.append(record)
  for (const team of ['other', '', 'SEARCH', '%', "' OR 1=1 --"]) t.equal(ledger.find(record.requestId, team), undefined)
  t.equal(ledger.find('unknown', 'search'), undefined)
  t.ok(ledger.find(record.requestId, 'search'))
  database.close()
})

t.test('an exchange is booked once, however often it is appended', async (t) => {
  const { database, ledger, lost } = open(newDataFolder(t))
  const record = recordOf()
  ledger.append(record)
  ledger.append({ ...record, costNano: 9 })
  ledger.flush()
  ledger.append({ ...record, costNano: 10, team: 'other' })
  t.strictSame(ledger.find(record.requestId, 'search'), record)
  t.equal(ledger.find(record.requestId, 'other'), undefined)
  t.equal(written(database), 1)
  t.equal(lost.length, 0)
  database.close()
})

t.test('flushing writes what is held, and nothing where nothing is', async (t) => {
  const { database, clock, ledger } = open(newDataFolder(t))
  ledger.flush()
  ledger.append(recordOf())
  ledger.flush()
  ledger.flush()
  t.equal(written(database), 1)
  t.equal(clock.pending, 0, 'the timer is stopped')
  database.close()
})

t.test('a record that cannot be written is told and takes no other with it', async (t) => {
  const { database, clock, ledger, lost } = open(newDataFolder(t))
  const broken = recordOf({ costNano: 0.5 })
  for (const record of [recordOf(), broken, recordOf()]) ledger.append(record)
  clock.advance(50)
  t.equal(written(database), 2)
  t.same(lost.map(({ requestId }) => requestId), [broken.requestId])
  ledger.append(recordOf())
  clock.advance(50)
  t.equal(written(database), 3, 'the ledger goes on')
  database.close()
})

t.test('without anybody to tell, a record that cannot be written is an error and not a silence', async (t) => {
  const database = openDatabase(newDataFolder(t))
  const clock = createManualClock()
  const ledger = createEmbeddedLedger(database, clock)
  ledger.append(recordOf({ durationMs: 0.5 }))
  t.throws(() => ledger.flush(), /INTEGER column ledger.duration_ms/)
  ledger.append(recordOf())
  ledger.flush()
  t.equal(written(database), 1)
  database.close()
})
