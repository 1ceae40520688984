import { until } from '../../support/fleet/patience.ts'
import type { Fleet, Seat } from '../../support/fleet/fleet.ts'
import type { Size } from './scene.ts'
import type { SoakStore } from './stores.ts'

export interface DisasterDeps {
  readonly fleet: Fleet
  readonly store: SoakStore
  readonly size: Size
  /** Requests that are done with. */
  readonly done: () => number
  readonly told: (what: string) => void
}

/** What came over the gateways. */
export interface Disasters {
  readonly killed: number
  readonly terminated: number
  readonly away: number
  /** Exit codes of gateways that were asked to end, other than 0. */
  readonly badExits: readonly (number | null)[]
}

/** Each kind comes once a round, when so much of the round's requests are done with. */
const KILL_AT = 0.15
const TERMINATE_AT = 0.5
const AWAY_AT = 0.8
const PROGRESS_TIMEOUT_MS = 1_200_000
const BUSY_TIMEOUT_MS = 20_000
/** A gateway is hit while it has at least so many requests. */
const BUSY_REQUESTS = 3

export async function bringDisasters ({ fleet, store, size, done, told }: DisasterDeps): Promise<Disasters> {
  const badExits: (number | null)[] = []

  async function reached (round: number, at: number): Promise<void> {
    const requests = Math.floor(size.requests * (round + at) / size.rounds)
    await until(`${requests} requests are done with`, PROGRESS_TIMEOUT_MS, () => done() >= requests)
  }

  async function busySeat (number: number): Promise<Seat> {
    const seat = fleet.seats[number % fleet.seats.length]
    if (seat === undefined) throw new Error('there is no gateway')
    await until(`gateway ${seat.place} has requests, or there are no more`, BUSY_TIMEOUT_MS, () => seat.inFlight >= BUSY_REQUESTS || done() >= size.requests)
    return seat
  }

  for (let round = 0; round < size.rounds; round++) {
    await reached(round, KILL_AT)
    const victim = await busySeat(round)
    told(`killing gateway ${victim.place} with ${victim.inFlight} requests`)
    await fleet.kill(victim)
    await fleet.restart(victim)
    await reached(round, TERMINATE_AT)
    const leaver = await busySeat(round + 1)
    told(`ending gateway ${leaver.place} with ${leaver.inFlight} requests`)
    const code = await fleet.terminate(leaver)
    if (code !== 0) badExits.push(code)
    await fleet.restart(leaver)
    await reached(round, AWAY_AT)
    told('the store goes away')
    await store.beAway()
  }
  return { killed: size.rounds, terminated: size.rounds, away: size.rounds, badExits }
}
