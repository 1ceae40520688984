import { metricsOf, PENDING } from '../../support/fleet/fleet.ts'
import { until } from '../../support/fleet/patience.ts'
import type { Fleet, Seat } from '../../support/fleet/fleet.ts'
import type { Wires } from '../../support/fleet/wires.ts'

/** How gateways die in this proof. Each is first left with so few requests that about one of all in a hundred is hit. */
export interface Deaths {
  /** In the middle of its answers: nobody will ever know what they came to. It is back at once. */
  midStream (seat: Seat): Promise<void>
  /** Having settled in Redis without hearing of it: only its spool tells it to ask again. It is back at once. */
  unheard (seat: Seat): Promise<void>
  /**
   * With some answers in its spool that Redis never heard of, and others in the middle. It stays dead until the function
   * that is returned is called.
   */
  cutOff (seat: Seat): Promise<() => Promise<void>>
}

export interface DeathsDeps { readonly fleet: Fleet, readonly wires: Wires, readonly requests: number }

const QUIET_TIMEOUT_MS = 20_000
const SPOOLED_TIMEOUT_MS = 10_000

export function createDeaths ({ fleet, wires, requests }: DeathsDeps): Deaths {
  /** As a load balancer takes a gateway out before it goes. */
  async function almostQuiet (seat: Seat): Promise<void> {
    seat.isTaking = false
    await until(`gateway ${seat.place} has few requests`, QUIET_TIMEOUT_MS, () => seat.inFlight <= requests)
  }

  /** What is not in the spool by then is lost with the gateway, which the books have to show. */
  async function spooled (seat: Seat): Promise<void> {
    await until(`gateway ${seat.place} has settlements in its spool`, SPOOLED_TIMEOUT_MS, async () => ((await metricsOf(seat)).get(PENDING) ?? 0) > 0)
  }

  return {
    async midStream (seat) {
      await almostQuiet(seat)
      await fleet.kill(seat)
      await fleet.restart(seat)
    },
    async unheard (seat) {
      await almostQuiet(seat)
      wires.setMode(seat.place, 'deaf')
      await until(`gateway ${seat.place} has answered`, QUIET_TIMEOUT_MS, () => seat.inFlight === 0)
      await spooled(seat)
      await fleet.kill(seat)
      wires.setMode(seat.place, 'open')
      await fleet.restart(seat)
    },
    async cutOff (seat) {
      await almostQuiet(seat)
      wires.setMode(seat.place, 'down')
      const before = seat.inFlight
      await until(`gateway ${seat.place} has answered some`, QUIET_TIMEOUT_MS, () => seat.inFlight <= before / 2)
      await spooled(seat)
      await fleet.kill(seat)
      wires.setMode(seat.place, 'open')
      return async () => { await fleet.restart(seat) }
    }
  }
}
