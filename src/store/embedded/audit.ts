import type { DatabaseSync } from 'node:sqlite'
import { auditEntryOf, chained } from '../../accounts/audit.ts'
import type { AuditDraft, AuditEntry, AuditQuery } from '../../accounts/audit.ts'

export interface EmbeddedAudit {
  /** Adds an entry, in whatever transaction is under way. */
  append (draft: AuditDraft): AuditEntry
  list (query: AuditQuery): AuditEntry[]
}

export function createEmbeddedAudit (database: DatabaseSync): EmbeddedAudit {
  const head = database.prepare(`SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0) AS seq,
    coalesce((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), '') AS hash`)
  const insert = database.prepare('INSERT INTO audit (seq, hash, entry) VALUES (?, ?, ?)')
  const select = database.prepare('SELECT entry FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?')
  return {
    append (draft) {
      const entry = chained(draft, head.get() as { seq: number, hash: string })
      insert.run(entry.seq, entry.hash, JSON.stringify(entry))
      return entry
    },
    list ({ before = Number.MAX_SAFE_INTEGER, limit }) {
      return (select.all(before, limit) as { entry: string }[]).map(({ entry }) => auditEntryOf(entry))
    }
  }
}
