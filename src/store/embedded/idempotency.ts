import type { DatabaseSync } from 'node:sqlite'
import { IDEMPOTENCY_KEYS_MAX } from '../../accounts/idempotency-store.ts'
import type { IdempotencyStore } from '../../accounts/idempotency-store.ts'
import type { Clock } from '../../core/clock.ts'

export function createEmbeddedIdempotency (database: DatabaseSync, clock: Pick<Clock, 'nowMs'>, keysMax = IDEMPOTENCY_KEYS_MAX): IdempotencyStore {
  const forget = database.prepare('DELETE FROM idempotency WHERE until_ms <= ?')
  const find = database.prepare('SELECT text FROM idempotency WHERE name = ?')
  const count = database.prepare('SELECT count(*) AS keys FROM idempotency')
  const insert = database.prepare('INSERT INTO idempotency (name, text, until_ms) VALUES (?, ?, ?)')
  const update = database.prepare('UPDATE idempotency SET text = $to, until_ms = $until_ms WHERE name = $name AND text = $from AND until_ms > $now_ms')
  const remove = database.prepare('DELETE FROM idempotency WHERE name = ? AND text = ?')
  return {
    // Nothing else gets in between, as long as nothing here waits.
    async take (name, text, lifeMs) {
      const nowMs = clock.nowMs()
      forget.run(nowMs)
      const taken = find.get(name) as { text: string } | undefined
      if (taken !== undefined) return { status: 'known', text: taken.text }
      const { keys } = count.get() as { keys: number }
      if (keys >= keysMax) return { status: 'full' }
      insert.run(name, text, nowMs + lifeMs)
      return { status: 'new' }
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
