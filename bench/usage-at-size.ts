// What the overview of a team costs where sums stand for fifty million records, and what forgetting old ones holds up. Both stores
// are of this benchmark's own and are filled directly.
import { loadavg, tmpdir, totalmem } from 'node:os'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { createEmbeddedUsage, createUsageWriter } from '../src/store/embedded/usage.ts'
import { createRedisUsage } from '../src/store/redis/usage.ts'
import { LATENCY_BUCKETS, NO_COUNTS } from '../src/metering/rollups.ts'
import { openDatabase } from '../src/store/embedded/database.ts'
import { openRedisConnection } from '../src/store/redis/connection.ts'
import { startRedis } from '../test/support/redis.ts'
import { systemClock } from '../src/system.ts'
import { teamKeys } from '../src/store/redis/keys.ts'
import { trimLedger } from '../src/store/redis/trimming.ts'
import { trimTables } from '../src/store/embedded/trimming.ts'
import { writeSection } from './results.ts'
import type { DatabaseSync } from 'node:sqlite'
import type { RedisConnection } from '../src/store/redis/connection.ts'
import type { RedisServer } from '../test/support/redis.ts'
import type { UsageCounts, UsageHour, UsageReader } from '../src/metering/rollups.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const [TEAMS, DAYS, PAIRS, RECORDS_PER_ROW] = [100, 90, 6, 39]
const ROWS = TEAMS * DAYS * 24 * PAIRS
const COUNTS = Object.keys(NO_COUNTS).length - 2 + 2 * LATENCY_BUCKETS
const ROUNDS = 2
const IDLE_MS = 2_000
/** Records of one team that are to be forgotten. */
const OLD_RECORDS = 300_000
const FILLED_AT_ONCE = 5_000
const KEPT_DAYS = 60

const LAST_DAY = Math.floor(Date.now() / DAY_MS)
const FIRST_DAY = LAST_DAY - DAYS
const RANGE = [FIRST_DAY * DAY_MS, LAST_DAY * DAY_MS] as const

/** Makes the numbers that `countsOf` says. */
const FILL_DAY = `
local day, pairs = tonumber(ARGV[1]), tonumber(ARGV[2])
local spread = struct.pack('<I4I4I4I4I4I4I4I4I4I4I4I4I4I4', 0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3)
for hour = 0, 23 do
  for pair = 0, pairs - 1 do
    local tokens = 500 + 10 * pair + hour + day % 7
    redis.call('HSET', KEYS[1], hour .. '|key' .. (pair % 3) .. '|CNY|model-' .. pair, struct.pack('<ddddddddd', ${RECORDS_PER_ROW}, hour % 3, 1,
      ${RECORDS_PER_ROW} * tokens, tokens, 2 * ${RECORDS_PER_ROW} * tokens, 0, ${RECORDS_PER_ROW} * tokens * 14000, ${RECORDS_PER_ROW} * 4321) .. spread .. spread)
  end
end`

const FILL_LEDGER = `
local record = string.rep('x', 700)
for i = 1, ARGV[2] do redis.call('XADD', KEYS[1], ARGV[1] + i .. '-1', 'k', 'settled', 'rid', 'r', 'record', record) end`

interface Result {
  readonly name: string
  readonly overviews: Overviews
  readonly trimming: Trimming
  readonly size: string
  readonly total: string
}

/** How long each took, and how much of that was this process's own work. */
interface Overviews { readonly tookMs: number[], readonly workMs: number[] }

interface Trimming { readonly what: string, readonly tookMs: number, readonly loopDelayMs: number, readonly pingMs: number | undefined }

let redisVersion = ''
const busyBefore = loadavg()[0] ?? 0
const idle = await watched(async () => { await pause(IDLE_MS) })
const results = [await ofEmbedded(), await ofRedis()]
const [one, other] = results
if (one?.total !== other?.total) throw new Error('the stores come to different sums')
report(results)

function teamName (index: number): string {
  return `team-${index}`
}

function countsOf (day: number, hour: number, pair: number): UsageCounts {
  const tokens = 500 + 10 * pair + hour + day % 7
  const spread = Array.from({ length: LATENCY_BUCKETS }, (_, bucket) => bucket < LATENCY_BUCKETS ? 3 : 0)
  return {
    requests: RECORDS_PER_ROW,
    errors: hour % 3,
    estimated: 1,
    inputTokens: RECORDS_PER_ROW * tokens,
    cachedTokens: tokens,
    outputTokens: 2 * RECORDS_PER_ROW * tokens,
    reasoningTokens: 0,
    costNano: RECORDS_PER_ROW * tokens * 14_000,
    durationMs: RECORDS_PER_ROW * 4_321,
    durations: spread,
    firstContents: spread
  }
}

async function ofEmbedded (): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'dashgate-usage-'))
  const database = openDatabase(folder)
  try {
    fillDatabase(database)
    const usage = createEmbeddedUsage(database)
    const overviews = await overviewsOf(usage)
    const size = `${megabytes(statSync(join(folder, 'dashgate.db')).size)} of sums on disk`
    const total = await totalOf(usage)
    fillLedger(database)
    const trimming = await watched(async () => await trimTables(database, { ledgerMs: DAY_MS, usageMs: KEPT_DAYS * DAY_MS }, LAST_DAY * DAY_MS))
    const what = `${OLD_RECORDS.toLocaleString('en')} records and ${(ROWS * (DAYS - KEPT_DAYS) / DAYS).toLocaleString('en')} sums`
    return { name: 'embedded', overviews, size, total, trimming: { what, ...trimming, pingMs: undefined } }
  } finally {
    database.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function fillDatabase (database: DatabaseSync): void {
  const { add } = createUsageWriter(database)
  database.exec('BEGIN')
  for (let index = 0; index < TEAMS; index++) {
    for (let day = FIRST_DAY; day < LAST_DAY; day++) for (const hour of hoursOf(teamName(index), day)) add(hour)
  }
  database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')
}

function hoursOf (team: string, day: number): UsageHour[] {
  return Array.from({ length: 24 * PAIRS }, (_, index) => {
    const [hour, pair] = [Math.floor(index / PAIRS), index % PAIRS]
    return { team, hourMs: day * DAY_MS + hour * HOUR_MS, keyId: `key${pair % 3}`, model: `model-${pair}`, currency: 'CNY', counts: countsOf(day, hour, pair) }
  })
}

function fillLedger (database: DatabaseSync): void {
  const numbers = `WITH RECURSIVE numbers (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers LIMIT ${OLD_RECORDS})`
  const timeMs = (LAST_DAY - 10) * DAY_MS
  database.exec(`INSERT INTO ledger ${numbers} SELECT NULL, '${teamName(0)}', 'r-' || number, ${timeMs} + number, 'r-' || number, ${timeMs} + number, 'k', 'm',
    'm', 'openai', 'u', NULL, 0, 1, 0, 1, 200, 'completed', NULL, 1, 0, 1, 0, 'reported', 1, 'CNY', NULL, 1, '${'x'.repeat(400)}' FROM numbers`)
}

async function ofRedis (): Promise<Result> {
  const server = await startRedis()
  const connection = openRedisConnection(server.url, { random: () => 0.5 })
  await new Promise<void>((resolve) => { connection.onReady(resolve) })
  try {
    const empty = await memoryOf(connection)
    for (let index = 0; index < TEAMS; index++) await fillTeam(connection, teamName(index))
    const size = `${megabytes(await memoryOf(connection) - empty)} of sums in memory`
    redisVersion = /(?:valkey|redis)_version:(\S+)/.exec(await connection.client.info('server'))?.[1] ?? ''
    const usage = createRedisUsage({ connection, clock: systemClock })
    const overviews = await overviewsOf(usage)
    const total = await totalOf(usage)
    const { events } = teamKeys(teamName(0))
    for (let filled = 0; filled < OLD_RECORDS; filled += FILLED_AT_ONCE) {
      await connection.client.eval(FILL_LEDGER, 1, events, (LAST_DAY - 10) * DAY_MS + filled, FILLED_AT_ONCE)
    }
    const pings = keepPinging(server)
    const trimming = await watched(async () => await trimLedger(teamName(0), { ledgerMs: DAY_MS, usageMs: 0 }, { connection, clock: systemClock }))
    const left = await connection.client.xlen(events)
    if (left > 0) throw new Error(`${left} old records are left`)
    return { name: 'Redis', overviews, size, total, trimming: { what: `${OLD_RECORDS.toLocaleString('en')} records`, ...trimming, pingMs: await pings.stop() } }
  } finally {
    connection.close()
    await server.stop()
  }
}

async function fillTeam ({ client }: RedisConnection, team: string): Promise<void> {
  const { usage } = teamKeys(team)
  const days = Array.from({ length: DAYS }, (_, index) => FIRST_DAY + index)
  await Promise.all(days.map((day) => client.eval(FILL_DAY, 1, usage(day), day, PAIRS)))
}

async function memoryOf ({ client }: RedisConnection): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1])
}

/** How long a command of somebody else's had to wait at most. */
function keepPinging (server: RedisServer): { stop (): Promise<number> } {
  const over = new AbortController()
  async function run (): Promise<number> {
    let longestMs = 0
    while (!over.signal.aborted) {
      const begunMs = performance.now()
      await server.command('PING')
      longestMs = Math.max(longestMs, performance.now() - begunMs)
    }
    return longestMs
  }
  const running = run()
  return {
    async stop () {
      over.abort()
      return await running
    }
  }
}

/** The time of every team's overview: ninety days, by day and by model. */
async function overviewsOf (usage: UsageReader): Promise<Overviews> {
  const times: Overviews = { tookMs: [], workMs: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (let index = 0; index < TEAMS; index++) {
      const [begunMs, cpu] = [performance.now(), process.cpuUsage()]
      const groups = await overview(usage, teamName(index))
      const { user, system } = process.cpuUsage(cpu)
      times.tookMs.push(performance.now() - begunMs)
      times.workMs.push((user + system) / 1_000)
      if (groups.size !== DAYS + PAIRS) throw new Error(`${teamName(index)} has ${groups.size} groups`)
    }
  }
  return times
}

async function overview (usage: UsageReader, team: string): Promise<Map<string, number[]>> {
  const groups = new Map<string, number[]>()
  for await (const hours of usage.read(team, ...RANGE)) {
    for (const { hourMs, model, counts } of hours) {
      addTo(groups, String(Math.floor(hourMs / DAY_MS)), counts)
      addTo(groups, model, counts)
    }
  }
  return groups
}

function addTo (groups: Map<string, number[]>, group: string, { durations, firstContents, ...counts }: UsageCounts): void {
  let sums = groups.get(group)
  if (sums === undefined) groups.set(group, sums = Array.from({ length: COUNTS }, () => 0))
  let at = 0
  for (const count of Object.values(counts)) sums[at] = (sums[at++] ?? 0) + count
  for (const count of durations) sums[at] = (sums[at++] ?? 0) + count
  for (const count of firstContents) sums[at] = (sums[at++] ?? 0) + count
}

/** Everything there is of one team. */
async function totalOf (usage: UsageReader): Promise<string> {
  return JSON.stringify([...await overview(usage, teamName(TEAMS - 1))].sort(([one], [other]) => one < other ? -1 : 1))
}

async function watched (action: () => Promise<void>): Promise<{ readonly tookMs: number, readonly loopDelayMs: number }> {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const begunMs = performance.now()
  await action()
  const tookMs = performance.now() - begunMs
  delays.disable()
  return { tookMs, loopDelayMs: delays.max / 1e6 }
}

function megabytes (bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}

function report (all: readonly Result[]): void {
  const lines = [
    `* ${TEAMS} teams × ${DAYS} days × 24 hours × ${PAIRS} pairs of key and model, each standing for ${RECORDS_PER_ROW} records: ` +
      `${ROWS.toLocaleString('en')} sums, ${(ROWS * RECORDS_PER_ROW / 1e6).toFixed(1)} million records\n` +
      `* ${Math.round(totalmem() / 2 ** 30)} GiB; load average ${busyBefore.toFixed(1)} before the run`,
    '',
    `An overview is ${DAYS} days of a team, ${(ROWS / TEAMS).toLocaleString('en')} sums, read and added up by day and by model; every team's, ${ROUNDS} times, one`,
    'after the other. Trimming takes out what is older than it is to be kept, beside whoever waits for the event loop. While nothing at',
    `all was done for ${IDLE_MS / 1_000} s, the machine held up the event loop for ${ms(idle.loopDelayMs)}.`,
    '',
    '| store | p50 | p95 | longest | own CPU time, p50 | p95 | size |',
    '|---|---|---|---|---|---|---|',
    ...all.map(({ name, overviews: { tookMs, workMs }, size }) =>
      `| ${name} | **${quantile(tookMs, 0.5)}** | **${quantile(tookMs, 0.95)}** | ${quantile(tookMs, 1)} | ${quantile(workMs, 0.5)} | ${quantile(workMs, 0.95)} | ${size} |`),
    '',
    '| trimming | took | event loop held up, at most | another command to Redis waited, at most |',
    '|---|---|---|---|',
    ...all.map(({ name, trimming: { what, tookMs, loopDelayMs, pingMs } }) =>
      `| ${name}: ${what} | ${ms(tookMs)} | ${ms(loopDelayMs)} | ${pingMs === undefined ? '' : ms(pingMs)} |`)
  ]
  console.log(lines.join('\n'))
  writeSection({ title: 'Usage at size', command: 'npm run bench:usage', versions: [`SQLite ${process.versions['sqlite']}`, `Redis ${redisVersion}`], lines })
}

function quantile (values: readonly number[], share: number): string {
  const sorted = values.toSorted((one, other) => one - other)
  return ms(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN)
}

function ms (value: number): string {
  return `${value.toFixed(1)} ms`
}
