import type { Fleet, Seat } from './fleet.ts'

/** By turns the gateways that take requests, as a load balancer sends them; undefined where none does. */
export function byTurns ({ seats }: Pick<Fleet, 'seats'>): () => Seat | undefined {
  let turn = 0
  return () => {
    const taking = seats.filter(({ isTaking }) => isTaking)
    return taking[turn++ % Math.max(1, taking.length)]
  }
}
