import type { DatabaseSync } from 'node:sqlite'
import type { Charge, SettleCall } from '../limits/store.ts'

/** Windows that are remembered of each counter: the latest ones. */
const WINDOWS_KEPT_MAX = 4
/** Of one settlement. */
const CHARGES_MAX = 64

/**
 * What the store has acknowledged in all, by budget window and by the epoch (the life of the store's state) that took it
 * in. Every write belongs into a transaction of the caller's.
 */
export function createChargedSums (database: DatabaseSync) {
  const add = database.prepare('UPDATE charged SET amount = amount + ? WHERE team = ? AND counter = ? AND window = ? AND epoch = ?')
  const insert = database.prepare(`INSERT INTO charged (team, counter, window, epoch, amount, place)
    SELECT ?1, ?2, ?3, ?4, ?5, coalesce(max(place), 0) + 1 FROM charged WHERE team = ?1 AND counter = ?2`)
  const older = database.prepare(`SELECT window FROM charged WHERE team = ? AND counter = ?
    GROUP BY window ORDER BY max(place) DESC LIMIT -1 OFFSET ${WINDOWS_KEPT_MAX}`)
  const forget = database.prepare('DELETE FROM charged WHERE team = ? AND counter = ? AND window = ?')
  const select = database.prepare(`SELECT counter, window, sum(amount) AS amount FROM charged
    WHERE team = ? AND epoch <> ? GROUP BY counter, window HAVING sum(amount) > 0 ORDER BY counter, min(place)`)
  const remove = database.prepare('DELETE FROM charged WHERE team = ? AND epoch <> ?')

  function addTo ({ team, charges }: SettleCall, epoch: string): void {
    for (const charge of charges) {
      if (charge.kind !== 'budget' || charge.cost === 0) continue
      const { id, windowId, cost } = charge
      if (add.run(cost, team, id, windowId, epoch).changes > 0) continue
      insert.run(team, id, windowId, epoch, cost)
      for (const { window } of older.all(team, id)) forget.run(team, id, String(window))
    }
  }

  function takeFrom ({ team, charges }: SettleCall, epoch: string): void {
    for (const charge of charges) {
      if (charge.kind === 'budget' && charge.cost > 0) add.run(-charge.cost, team, charge.id, charge.windowId, epoch)
    }
  }

  return {
    /** Counts a settlement in the sum of `to` that was counted in that of `from`; null is none. */
    move (call: SettleCall, from: string | null, to: string | null): void {
      if (from === to) return
      if (from !== null) takeFrom(call, from)
      if (to !== null) addTo(call, to)
    },
    /** Takes out all that other epochs than one took in, as the charges of as many settlements as it needs. */
    take (team: string, otherThanEpoch: string): Charge[][] {
      const charges: Charge[] = select.all(team, otherThanEpoch).map(({ counter, window, amount }) =>
        ({ kind: 'budget', id: String(counter), windowId: String(window), cost: Number(amount) }))
      remove.run(team, otherThanEpoch)
      const settlements: Charge[][] = []
      while (charges.length > 0) settlements.push(charges.splice(0, CHARGES_MAX))
      return settlements
    }
  }
}
