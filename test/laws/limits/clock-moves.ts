import { BACK_MS_MAX, limitsOf, nameOf } from './scene.ts'
import { BIRTH_MS_MAX, FINAL_MEMORY_MS } from '../../../src/limits/store.ts'
import { bucketAfter, UNITS_PER_TOKEN } from './history.ts'
import { HOUR_MS, windowAt } from './settings.ts'
import { NO_END } from '../../../src/limits/claim.ts'
import type { Scene } from './scene.ts'
import type { Step } from './steps.ts'

type Move = Step & { does: 'clock' }

const STEPS_MS = [0, 1, 17, 250, 999, 1_000, 2_500, 5_000]
const LONG_MS = [10_000, 29_999, 30_000, 30_001, 61_000, 10 * 60_000, HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS + 31_000, 25 * HOUR_MS]
const BACK_MS = [1, 250, 5_000, 31_000, 10 * 60_000, BACK_MS_MAX]
const FORWARD_MS_MAX = 26 * HOUR_MS

/** To where something is about to change, one millisecond before or behind included. */
export function moveClock (scene: Scene, move: Move): void {
  const targetMs = targetOf(scene, move)
  if (targetMs === undefined || targetMs > scene.nowMs + FORWARD_MS_MAX || targetMs < scene.latestMs - BACK_MS_MAX) return
  setClock(scene, targetMs)
}

export function setClock (scene: Scene, timeMs: number): void {
  scene.nowMs = timeMs
  scene.latestMs = Math.max(scene.latestMs, timeMs)
}

function targetOf (scene: Scene, { to, pick, offsetMs }: Move): number | undefined {
  const { nowMs } = scene
  const request = scene.requests.at(-1 - pick % (scene.requests.length || 1))
  switch (to) {
    case 'step': return nowMs + of(STEPS_MS, pick) * scene.pace
    case 'long': return nowMs + of(LONG_MS, pick)
    case 'back': return nowMs - of(BACK_MS, pick)
    case 'memory': return request && request.bornMs + FINAL_MEMORY_MS + offsetMs
    case 'birth': return request && request.bornMs + BIRTH_MS_MAX + offsetMs
    case 'window': return edgeOf(scene, pick, offsetMs)
    case 'due': return dueOf(scene, pick, offsetMs)
    case 'hold': return scene.team(nameOf(0))?.holdUntilMs
    case 'refill': return request && refillOf(scene, request.team, pick) + offsetMs
  }
}

function of (numbers: readonly number[], pick: number): number {
  return numbers[pick % numbers.length] ?? 0
}

function edgeOf ({ limits, nowMs }: Scene, pick: number, offsetMs: number): number | undefined {
  const budgets = (limits[0] ?? []).flatMap((limit) => limit.kind === 'budget' ? [windowAt(limit, nowMs)] : [])
  const edges = budgets.flatMap(({ startMs, endMs }) => pick % 4 === 0 ? [startMs] : endMs === NO_END ? [] : [endMs])
  return edges.length === 0 ? undefined : of(edges, pick >> 2) + offsetMs
}

function dueOf (scene: Scene, pick: number, offsetMs: number): number | undefined {
  const dues = [...scene.team(nameOf(0))?.reservations.values() ?? []].map(({ dueMs }) => dueMs)
  return dues.length === 0 ? undefined : of(dues, pick) + offsetMs
}

/** When a bucket holds one more whole token, or is full. */
function refillOf (scene: Scene, team: string, pick: number): number {
  const rates = limitsOf(scene, { team }).flatMap((limit) => limit.kind === 'rate' ? [limit] : [])
  const rate = rates[pick % (rates.length || 1)]
  const history = scene.team(team)?.history
  const bucket = rate && history && bucketAfter(history, rate.id)
  if (rate === undefined || bucket === undefined) return scene.nowMs
  const wanted = pick % 3 === 0 ? rate.burst * UNITS_PER_TOKEN : (Math.floor(bucket.level / UNITS_PER_TOKEN) + 1) * UNITS_PER_TOKEN
  return bucket.timeMs + Math.ceil(Math.max(0, wanted - bucket.level) / rate.perMinute)
}
