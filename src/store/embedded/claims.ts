import type { DatabaseSync } from 'node:sqlite'
import { CLAIMS_MAX } from '../../accounts/claims.ts'
import type { Claims } from '../../accounts/claims.ts'
import type { Clock } from '../../core/clock.ts'

export function createEmbeddedClaims (database: DatabaseSync, clock: Pick<Clock, 'nowMs'>, claimsMax = CLAIMS_MAX): Claims {
  const forget = database.prepare('DELETE FROM claims WHERE until_ms <= ?')
  const find = database.prepare('SELECT text FROM claims WHERE name = ?')
  const count = database.prepare('SELECT count(*) AS claims FROM claims')
  const insert = database.prepare('INSERT INTO claims (name, text, until_ms) VALUES (?, ?, ?)')
  const update = database.prepare('UPDATE claims SET text = $to, until_ms = $until_ms WHERE name = $name AND text = $from AND until_ms > $now_ms')
  const remove = database.prepare('DELETE FROM claims WHERE name = ? AND text = ?')
  return {
    // Nothing else gets in between, as long as nothing here waits.
    async claim (name, text, lifeMs) {
      const nowMs = clock.nowMs()
      forget.run(nowMs)
      const taken = find.get(name) as { text: string } | undefined
      if (taken !== undefined) return { status: 'taken', text: taken.text }
      const { claims } = count.get() as { claims: number }
      if (claims >= claimsMax) return { status: 'full' }
      insert.run(name, text, nowMs + lifeMs)
      return { status: 'claimed' }
    },
    async replace (name, { from, to, lifeMs }) {
      const nowMs = clock.nowMs()
      update.run({ $name: name, $from: from, $to: to, $until_ms: nowMs + lifeMs, $now_ms: nowMs })
    },
    async release (name, text) {
      remove.run(name, text)
    }
  }
}
