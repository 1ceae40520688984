import { limitsOf, nameOf } from './scene.ts'
import { SHORTEST_MASK, SHORTEST_MS } from './settings.ts'
import { moveClock, setClock } from './clock-moves.ts'
import { nonsense } from './nonsense.ts'
import { chargesOf, claimsOf, costFor, expiryOf, recordOf, ridOf } from './requests.ts'
import { BIRTH_AHEAD_MS_MAX, BIRTH_MS_MAX, FINAL_MEMORY_MS } from '../../../src/limits/store.ts'
import type { Age, Asked, Step, Used } from './steps.ts'
import type { Call, Timed } from './calls.ts'
import type { Request } from './requests.ts'
import type { Scene } from './scene.ts'

/** Moves the clock, or makes the calls of one step. Each is to be taken before the next is asked for. */
export function * callsOf (scene: Scene, step: Step): Generator<Timed> {
  for (const call of rawCalls(scene, step)) {
    scene.calls.push(call)
    yield { nowMs: scene.nowMs, call }
  }
}

function * rawCalls (scene: Scene, step: Step): Generator<Call> {
  switch (step.does) {
    case 'clock': return moveClock(scene, step)
    case 'look':
    case 'restart': return
    case 'set':
      scene.limits[step.team] = step.limits
      return
    case 'reserve': return yield reserveCall(scene, newRequest(scene, step), step)
    case 'reserve_known': return yield * known(scene, step.pick, (request) => reserveCall(scene, request, step))
    case 'settle': return yield * known(scene, step.pick, (request) => settleCall(scene, request, step))
    case 'settle_unknown': {
      const used = step.isVoid ? VOID : ALL
      return yield settleCall(scene, newRequest(scene, step), { used, isOtherWindow: false })
    }
    case 'repeat': {
      const call = scene.calls.at(-1 - step.back)
      if (call !== undefined) yield call
      return
    }
    case 'renew': return yield renewCall(scene, step)
    case 'hold': return yield { step: 'hold', args: { team: nameOf(step.team), durationMs: step.durationMs } }
    case 'nonsense': return yield * known(scene, step.pick, (request) => nonsense(scene, request, step.fault))
    case 'pass':
      for (let count = 0; count < step.count; count++) {
        yield reserveCall(scene, newRequest(scene, { ...step, mask: SHORTEST_MASK, sizes: LITTLE, age: 'now' }), { mode: 'force', skewMs: 0 })
        setClock(scene, scene.nowMs + SHORTEST_MS + step.offsetMs)
      }
      return
    case 'abandon':
      for (let count = 0; count < step.count; count++) {
        yield reserveCall(scene, newRequest(scene, { ...step, sizes: LITTLE, age: 'now' }), { mode: 'reserve', skewMs: 0 })
      }
  }
}

const VOID: readonly Used[] = [{ eighths: 0 }]
const ALL: readonly Used[] = [{ eighths: 8 }]
const LITTLE = [{ exactly: 1 }]

function newRequest (scene: Scene, asked: Asked): Request {
  const { nowMs, requests } = scene
  const team = nameOf(asked.team)
  const bornMs = nowMs - AGES_MS[asked.age]
  const limits = (scene.limits[asked.team] ?? []).filter((_, index) => (asked.mask >> index) % 2 === 1)
  const asks = limits.map((limit, index) => {
    const size = asked.sizes[index % asked.sizes.length] ?? { eighths: 1 }
    return { id: limit.id, cost: costFor(limit, size, { team: scene.team(team), nowMs }) }
  })
  const request = { team, rid: ridOf(bornMs, requests.length), bornMs, number: requests.length, asks }
  requests.push(request)
  return request
}

const AGES_MS: Readonly<Record<Age, number>> = {
  now: 0,
  birth_max: BIRTH_MS_MAX,
  birth_over: BIRTH_MS_MAX + 1,
  memory_max: FINAL_MEMORY_MS,
  memory_over: FINAL_MEMORY_MS + 1,
  ahead_max: -BIRTH_AHEAD_MS_MAX,
  ahead_over: -BIRTH_AHEAD_MS_MAX - 1
}

/** Mostly one that is still under way, or one of the last. */
function * known (scene: Scene, pick: number, callOf: (request: Request) => Call | undefined): Generator<Call> {
  const { requests } = scene
  const underWay = pick % 4 < 2 ? requests.filter(({ team, rid }) => scene.team(team)?.reservations.has(rid)) : []
  const among = underWay.length > 0 ? underWay : pick % 4 === 2 ? requests : requests.slice(-LAST)
  const request = among.at(-1 - (pick >> 2) % (among.length || 1))
  const call = request === undefined ? undefined : callOf(request)
  if (call !== undefined) yield call
}

const LAST = 8

function reserveCall (scene: Scene, request: Request, { mode, skewMs }: Pick<Step & { does: 'reserve_known' }, 'mode' | 'skewMs'>): Call {
  const { team, rid, bornMs } = request
  const claims = claimsOf(request, limitsOf(scene, request), { team: scene.team(team), nowMs: scene.nowMs, skewMs })
  return { step: 'reserve', args: { team, rid, bornMs, claims, mode, expiry: expiryOf(request, claims) } }
}

function settleCall (scene: Scene, request: Request, { used, isOtherWindow }: Pick<Step & { does: 'settle' }, 'used' | 'isOtherWindow'>): Call {
  const { team, rid, bornMs } = request
  const charges = chargesOf(request, { team: scene.team(team), limits: limitsOf(scene, request), nowMs: scene.nowMs, used, isOtherWindow })
  // What cost nothing has a record too, unless it never came to be a request.
  const isVoid = request.number % 2 === 0 && charges.every((charge) => charge.kind === 'concurrency' || charge.cost === 0)
  const entries = scene.team(team)?.reservations.get(rid)?.entries
  const windowIds = entries?.map((entry) => entry.kind === 'budget' ? entry.windowId : undefined) ?? []
  return { step: 'settle', args: { team, rid, bornMs, charges, record: isVoid ? undefined : recordOf(request, charges, windowIds) } }
}

function renewCall (scene: Scene, { team, picks, hasStranger }: Step & { does: 'renew' }): Call {
  const name = nameOf(team)
  const own = scene.requests.filter((request) => request.team === name)
  const rids = picks.flatMap((pick) => own.at(-1 - pick % (own.length || 1))?.rid ?? [])
  return { step: 'renew', args: { team: name, rids: [...new Set([...rids, ...hasStranger ? [ridOf(scene.nowMs, STRANGER)] : []])] } }
}

const STRANGER = 0xffff
