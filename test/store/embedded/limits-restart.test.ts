import assert from 'node:assert/strict'
import t from 'tap'
import { budget, charges, dayWindow, MIDNIGHT_MS, place, rate, recordOf, sceneOf, TEAM } from '../limit-scene.ts'
import { createInterface } from 'node:readline'
import { FINAL_MEMORY_MS } from '../../../src/limits/store.ts'
import { newDataFolder } from './data-folder.ts'
import { openLimitBooks } from './limit-books.ts'
import { fileURLToPath } from 'node:url'
import { spawn } from 'node:child_process'
import type { DatabaseSync } from 'node:sqlite'

const LOAD = fileURLToPath(new URL('./limit-load.ts', import.meta.url))
const CLAIMS = [rate(2), place(5), budget(20, 1_000, [dayWindow(0, 1_000)])]

t.test('all that was counted is there when the gateway starts again', async (t) => {
  const folder = newDataFolder(t)
  const before = sceneOf(openLimitBooks(folder))
  for (const rid of ['expired#1', 'settled#1']) await before.reserve(rid, CLAIMS)
  await before.settle('settled#1', charges(CLAIMS, 7), { record: recordOf({ requestId: 'settled' }) })
  await before.settle('void#1', [])
  await before.expire()
  await before.reserve('held#1', CLAIMS, { bornMs: MIDNIGHT_MS })
  await before.store.hold({ team: TEAM, durationMs: 500 })
  const dump = await before.dump(TEAM)
  const state = await before.renew()
  await before.close()

  const books = openLimitBooks(folder)
  const { store, now, renew, settle, reserve, ledger, close } = sceneOf(books)
  now.set(state.nowMs)
  t.same(books.store.teams(), [TEAM])
  t.same(await books.dump(TEAM), dump)
  t.strictSame(await store.reserve({ team: TEAM, rid: 'x#1', bornMs: 0, claims: [], mode: 'check', expiry: undefined }), {
    version: state.version, epoch: state.epoch, nowMs: state.nowMs, holdUntilMs: state.holdUntilMs, status: 'granted', repeated: false, standings: []
  })
  t.match(await renew(['expired#1', 'settled#1', 'void#1', 'x#1']), { unknown: ['x#1'], swept: 1 })
  t.ok('expired:held#1' in await books.dump(TEAM), 'the request went with its process')
  t.match(await reserve('settled#1', CLAIMS), { status: 'final' })
  const late = { bornMs: MIDNIGHT_MS, record: recordOf({ requestId: 'late' }) }
  t.match(await settle('expired#1', charges(CLAIMS, 9), late), { status: 'settled', how: 'late' })
  t.match(await settle('settled#1', charges(CLAIMS, 9), { bornMs: MIDNIGHT_MS }), { status: 'repeated' })
  t.same(await ledger(TEAM), ['settled', 'held', 'late'])
  t.match(await books.dump(TEAM), { 'bs:day:d0': String(7 + 9 + 20) })
  await close()
})

t.test('reservations of a process that is gone may be settled before anything ends them', async (t) => {
  const folder = newDataFolder(t)
  const before = sceneOf(openLimitBooks(folder))
  await before.reserve('a#1', CLAIMS)
  await before.close()
  const after = sceneOf(openLimitBooks(folder))
  t.match(await after.settle('a#1', charges(CLAIMS, 3)), { status: 'settled', how: 'reserved' })
  t.same(await after.counted(), { 'bs:day:d0': '3' })
  await after.close()
})

t.test('reservations of a process that is gone end also where the clock has gone back, and only those', async (t) => {
  const folder = newDataFolder(t)
  const before = sceneOf(openLimitBooks(folder))
  for (let index = 0; index < 40; index++) await before.reserve(`r${index}#1`, [])
  await before.close()
  const after = sceneOf(openLimitBooks(folder))
  after.now.set(MIDNIGHT_MS - 3_600_000)
  t.match(await after.renew(), { swept: 32 })
  await after.reserve('new#1', [])
  t.match(await after.renew(), { swept: 0 })
  const left = Object.keys(await after.dump(TEAM)).filter((field) => field.startsWith('held:'))
  t.same(left, ['held:new#1'])
  await after.close()
})

t.test('a folder has one gateway at a time', async (t) => {
  const folder = newDataFolder(t)
  const books = openLimitBooks(folder)
  t.throws(() => openLimitBooks(folder), /in use by another dashgate process/)
  t.match(await sceneOf(books).reserve('a#1', CLAIMS), { status: 'granted' })
  await books.close()
})

t.test('closing commits what waits, and answers it', async (t) => {
  const folder = newDataFolder(t)
  const books = openLimitBooks(folder)
  const granted = sceneOf(books).reserve('a#1', CLAIMS)
  await books.close()
  t.match(await granted, { status: 'granted' })
  const again = openLimitBooks(folder)
  t.same(Object.keys(await again.dump(TEAM)).filter((field) => field.startsWith('held:')), ['held:a#1'])
  await again.close()
})

t.test('what is final is forgotten some time after it may come again, a few at a time', async (t) => {
  const books = openLimitBooks(newDataFolder(t))
  const { settle, later } = sceneOf(books)
  const finals = (): number => Number(books.database.prepare('SELECT count(*) AS count FROM limit_finals').get()?.['count'])
  await Promise.all(Array.from({ length: 100 }, (_, index) => settle(`a${index}#1`, [])))
  later(FINAL_MEMORY_MS + 3_600_000)
  await settle('b#1', [])
  t.equal(finals(), 101, 'calls that are under way may still come')
  later(1)
  await settle('c#1', [])
  t.equal(finals(), 100)
  await Promise.all(Array.from({ length: 60 }, (_, index) => settle(`d${index}#1`, [])))
  t.equal(finals(), 62)
  await books.close()
})

interface Acknowledged { readonly reserved: Map<string, number>, readonly settled: Map<string, number> }

/** Lets a process work on a folder and kills it in the middle. @returns what it has acknowledged */
async function killedLoad (folder: string, run: string, settledMin: number): Promise<Acknowledged> {
  const child = spawn(process.execPath, [LOAD, folder, run], { stdio: ['ignore', 'pipe', 'inherit'] })
  const acknowledged: Acknowledged = { reserved: new Map(), settled: new Map() }
  const closed = new Promise((resolve) => child.on('close', (_code, signal) => resolve(signal)))
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, requestId, cost] = line.split(' ')
    // The last line may be cut off.
    if (requestId === undefined || cost === undefined) continue
    acknowledged[word === 's' ? 'settled' : 'reserved'].set(requestId, Number(cost))
    if (acknowledged.settled.size === settledMin) child.kill('SIGKILL')
  }
  assert.equal(await closed, 'SIGKILL')
  return acknowledged
}

function sumOf (database: DatabaseSync, sql: string): number {
  return Number(database.prepare(sql).get()?.['sum'] ?? 0)
}

/** What the records say was spent: those of settlements, and those of reservations that ended without. */
function spentBy (database: DatabaseSync): number {
  return sumOf(database, 'SELECT sum(cost_nano) AS sum FROM ledger')
}

t.test('a process that is killed in the middle of its work loses nothing that it has acknowledged', async (t) => {
  const folder = newDataFolder(t)
  for (const settledMin of [1, 250, 1_000, 2_500]) {
    const acknowledged = await killedLoad(folder, `until${settledMin}`, settledMin)
    const books = openLimitBooks(folder)
    const { now, renew, settle, counted, ledger, dump } = sceneOf(books)
    now.set(Date.now())
    const records = new Set(await ledger(TEAM))
    const before = await dump(TEAM)
    const held = Object.keys(before).filter((field) => field.startsWith('held:'))
    t.same([...acknowledged.settled.keys()].filter((requestId) => !records.has(requestId)), [], 'every settlement is there')
    const lost = [...acknowledged.reserved.keys()].filter((requestId) => !records.has(requestId) && !held.includes(`held:${requestId}#1`))
    t.same(lost, [], 'and every reservation')
    t.equal(before['bs:total:total'], String(spentBy(books.database)))
    t.equal(before['c:cc'], String(held.length))
    for (const requestId of [...acknowledged.settled.keys()].slice(0, 10)) t.match(await settle(`${requestId}#1`, []), { status: 'repeated' })
    t.match(await renew(), { swept: held.length })
    t.same(await counted(), { 'bs:total:total': String(spentBy(books.database)) }, 'nothing stays held')
    await books.close()
  }
})
