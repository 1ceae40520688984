import { windowIds } from './claims.ts'
import type { Charge, ReserveCall, SettleCall } from './store.ts'
import type { Claim } from './claim.ts'

/** What undoes a reservation, whether or not it was ever made: one charge of nothing for each of its claims. */
export function voidOf ({ team, rid, bornMs, claims }: Pick<ReserveCall, 'team' | 'rid' | 'bornMs' | 'claims'>): SettleCall {
  return { team, rid, bornMs, charges: chargesInFull(claims, bornMs).map(withoutCost), record: undefined }
}

/** All that is claimed, in the windows of a time. */
export function chargesInFull (claims: readonly Claim[], nowMs: number): Charge[] {
  const windows = windowIds(claims, nowMs)
  return claims.map((claim, index): Charge => {
    if (claim.kind === 'concurrency') return { kind: 'concurrency', id: claim.id }
    return claim.kind === 'rate' ? claim : { kind: 'budget', id: claim.id, windowId: windows[index] ?? '', cost: claim.cost }
  })
}

function withoutCost (charge: Charge): Charge {
  return charge.kind === 'concurrency' ? charge : { ...charge, cost: 0 }
}
