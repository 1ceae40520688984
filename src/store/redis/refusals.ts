import { CALL_TIMEOUT_MS, within } from './failures.ts'
import { HOUR_MS, teamKeys } from './keys.ts'
import { asked, birthMs, birthSequence, refusalOf } from './records.ts'
import { cursorOf, listed } from '../listing.ts'
import { runScript, SCRIPTS } from './script.ts'
import { scanHash } from './scan-hash.ts'
import type { Clock } from '../../core/clock.ts'
import type { RedisConnection } from './connection.ts'
import type { ReplyDeps } from './failures.ts'
import type { Listed, RefusalRecord, Refusals } from '../../metering/ledger.ts'
import type { WrittenRange } from '../listing.ts'

export interface RedisRefusals extends Refusals {
  /** Writes what is still held. */
  close (): Promise<void>
}

export interface RedisRefusalsDeps {
  readonly connection: RedisConnection
  readonly clock: Clock
  /** Told how many refusals were not written, and why. */
  readonly onLost: (count: number, cause: unknown) => void
}

/** Refusals are written together, at most this late. */
const FLUSH_DELAY_MS = 50
/** A flood of them says no more than its first hundred. */
const KEPT_PER_SECOND_MAX = 100
/** Of a team, for each hour: some 2 MB. */
const KEPT_PER_HOUR_MAX = 2_000
const KEPT_MS = 24 * HOUR_MS

export function createRedisRefusals ({ connection, clock, onLost }: RedisRefusalsDeps): RedisRefusals {
  let batch = new Map<string, string[]>()
  const isKept = createThrottle({ clock, onLost })
  let stopTimer: (() => void) | undefined

  async function write (key: string, words: readonly string[]): Promise<void> {
    try {
      const reply = runScript(connection, SCRIPTS.refuse, { keys: [key], words: [KEPT_PER_HOUR_MAX, KEPT_MS, ...words] })
      const lost = Number(await within(CALL_TIMEOUT_MS, reply, { connection, clock }))
      if (lost > 0) onLost(lost, new Error('more came in one hour than are kept'))
    } catch (cause) {
      onLost(words.length / 2, cause)
    }
  }

  async function flush (): Promise<void> {
    stopTimer?.()
    stopTimer = undefined
    const written = batch
    batch = new Map()
    await Promise.all([...written].map(([key, words]) => write(key, words)))
  }

  async function find (requestId: string, team: string): Promise<RefusalRecord | undefined> {
    await flush()
    const bornMs = birthMs(requestId)
    const json = bornMs === undefined ? null : await connection.client.hget(teamKeys(team).refusals(bornMs), requestId)
    return json === null ? undefined : refusalOf(json)
  }

  return {
    append (refusal) {
      const bornMs = birthMs(refusal.requestId)
      if (bornMs === undefined || !isKept()) return
      const key = teamKeys(refusal.team).refusals(bornMs)
      const words = batch.get(key) ?? []
      words.push(refusal.requestId, JSON.stringify(refusal))
      batch.set(key, words)
      stopTimer ??= clock.setTimer(FLUSH_DELAY_MS, () => { void flush() })
    },
    find: async (requestId, team) => await asked(find(requestId, team), { connection, clock }),
    async list (query) {
      await flush()
      return await listed(query, (range) => pages(query.team, range, { connection, clock }))
    },
    close: flush
  }
}

/** Hour by hour, the latest first. They are placed by the times in their ids, as their hashes are. */
async function * pages (team: string, range: WrittenRange, deps: ReplyDeps): AsyncGenerator<Listed<RefusalRecord>[]> {
  const nowMs = deps.clock.nowMs()
  const hourOf = (timeMs: number): number => Math.floor(timeMs / HOUR_MS)
  const first = hourOf(Math.max(range.earliestMs, nowMs - KEPT_MS - HOUR_MS))
  for (let hour = hourOf(Math.min(range.latestMs, nowMs + HOUR_MS)); hour >= first; hour--) {
    const found = await scanHash(teamKeys(team).refusals(hour * HOUR_MS), deps)
    const page = [...found].map(([requestId, json]) => ({ cursor: cursorFor(requestId, team), record: refusalOf(String(json)) }))
    yield page.sort((one, other) => one.cursor < other.cursor ? 1 : -1)
  }
}

function cursorFor (requestId: string, team: string): string {
  return cursorOf('r', { atMs: birthMs(requestId) ?? 0, sequence: birthSequence(requestId), team })
}

/** Says of one after the other whether it is kept; how many were not is told when the second is over. */
function createThrottle ({ clock, onLost }: Pick<RedisRefusalsDeps, 'clock' | 'onLost'>): () => boolean {
  let second = { startMs: 0, count: 0 }
  return () => {
    const startMs = Math.floor(clock.monotonicMs() / 1_000) * 1_000
    if (startMs !== second.startMs) {
      const lost = second.count - KEPT_PER_SECOND_MAX
      second = { startMs, count: 0 }
      if (lost > 0) onLost(lost, new Error('more came in one second than are kept'))
    }
    return ++second.count <= KEPT_PER_SECOND_MAX
  }
}
