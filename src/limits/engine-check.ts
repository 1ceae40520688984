import { RENEW_RESERVATIONS_MAX } from './store.ts'
import type { Charge } from './store.ts'
import type { Claim } from './claim.ts'
import type { Entry } from './engine-state.ts'

/** @throws TypeError for amounts that cannot be counted exactly */
export function checkClaims (claims: readonly Claim[]): void {
  for (const claim of claims) {
    if (claim.kind !== 'concurrency') checkAmount(claim.id, claim.cost)
    if (claim.kind === 'rate') checkRate(claim)
  }
}

/** @throws TypeError for charges that are not those of the reservation, or amounts that cannot be counted exactly */
export function checkCharges (charges: readonly Charge[], reserved: readonly Entry[] | undefined): void {
  if (reserved !== undefined && reserved.length !== charges.length) {
    throw new TypeError(`${charges.length} charges cannot settle a reservation of ${reserved.length} claims`)
  }
  for (const [index, charge] of charges.entries()) {
    const entry = reserved?.[index]
    if (entry !== undefined && (entry.kind !== charge.kind || entry.id !== charge.id)) {
      throw new TypeError(`a ${charge.kind} charge of ${charge.id} cannot settle a ${entry.kind} claim of ${entry.id}`)
    }
    if (charge.kind !== 'concurrency') checkAmount(charge.id, charge.cost)
    if (charge.kind === 'rate') checkRate(charge)
  }
}

/** @throws TypeError for a time that is no whole number of milliseconds */
export function checkTime (timeMs: number): void {
  if (!Number.isSafeInteger(timeMs)) throw new TypeError(`${timeMs} is no number of milliseconds`)
}

/** @throws RangeError for more than one call may renew */
export function checkRids (rids: readonly string[]): void {
  if (rids.length > RENEW_RESERVATIONS_MAX) throw new RangeError(`${rids.length} reservations are too many to renew at once`)
}

function checkRate ({ id, perMinute, burst }: { readonly id: string, readonly perMinute: number, readonly burst: number }): void {
  checkAmount(id, perMinute)
  checkAmount(id, burst)
}

function checkAmount (id: string, amount: number): void {
  if (!Number.isSafeInteger(amount) || amount < 0) throw new TypeError(`${amount} is no amount that ${id} could count`)
}
