import { chargesOf, claimsOf, expiryOf } from './requests.ts'
import { limitsOf } from './scene.ts'
import type { Call } from './calls.ts'
import type { Charge } from '../../../src/limits/store.ts'
import type { Fault } from './steps.ts'
import type { Request } from './requests.ts'
import type { Scene } from './scene.ts'

const STRUCTURAL: readonly Fault[] = ['fewer', 'more', 'other_id', 'other_kind']

/** A call that nobody should make. Undefined where it would make sense after all. */
export function nonsense (scene: Scene, request: Request, fault: Fault): Call | undefined {
  const team = scene.team(request.team)
  const { rid, bornMs } = request
  const limits = limitsOf(scene, request)
  if (fault === 'reserve_negative' || fault === 'reserve_fraction') {
    const cost = fault === 'reserve_negative' ? -1 : 1.5
    const claims = claimsOf(request, limits, { team, nowMs: scene.nowMs, skewMs: 0 })
      .map((claim, index, { length }) => claim.kind === 'concurrency' || index < length - 2 ? claim : { ...claim, cost })
    return { step: 'reserve', args: { team: request.team, rid, bornMs, claims, mode: 'reserve', expiry: expiryOf(request, claims) } }
  }
  // What does not answer a reservation's claims only makes no sense while there is one.
  if (STRUCTURAL.includes(fault) && team?.reservations.has(rid) !== true) return undefined
  const charges = chargesOf(request, { team, limits, nowMs: scene.nowMs, used: [{ eighths: 4 }], isOtherWindow: false })
  if (fault === 'birth_fraction') return { step: 'settle', args: { team: request.team, rid, bornMs: bornMs + 0.5, charges, record: undefined } }
  const faulty = spoilt(charges, fault)
  return faulty && { step: 'settle', args: { team: request.team, rid, bornMs, charges: faulty, record: undefined } }
}

function spoilt (charges: readonly Charge[], fault: Exclude<Fault, `reserve_${string}` | 'birth_fraction'>): Charge[] | undefined {
  const last = charges.at(-1)
  if (last === undefined) return undefined
  const before = charges.slice(0, -1)
  switch (fault) {
    case 'fewer': return before
    case 'more': return [...charges, { kind: 'concurrency', id: 'k.a1.conc' }]
    case 'other_id': return [...before, { ...last, id: 'k.other' }]
    case 'other_kind': return [...before, otherKind(last)]
    case 'negative': return last.kind === 'concurrency' ? undefined : [...before, { ...last, cost: -1 }]
    case 'fraction': return last.kind === 'concurrency' ? undefined : [...before, { ...last, cost: 0.5 }]
    case 'unsafe': return last.kind === 'concurrency' ? undefined : [...before, { ...last, cost: 2 ** 53 }]
    case 'not_a_number': return last.kind === 'concurrency' ? undefined : [...before, { ...last, cost: NaN }]
  }
}

function otherKind ({ kind, id }: Charge): Charge {
  return kind === 'concurrency' ? { kind: 'budget', id, windowId: 'total', cost: 0 } : { kind: 'concurrency', id }
}
