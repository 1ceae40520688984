import type { DatabaseSync } from 'node:sqlite'
import { GatewayError } from '../../core/errors.ts'
import { REMOVAL_MEMORY_MS } from '../../accounts/store.ts'
import type { AccountEntry, AccountStore } from '../../accounts/store.ts'

interface Row {
  readonly kind: string
  readonly id: string
  readonly revision: number
  readonly change: number
  readonly removed_ms: number | null
  readonly document: string | null
}

const COLUMNS = 'kind, id, revision, change, removed_ms, document'
const WRITE = `INSERT INTO accounts (${COLUMNS}) VALUES ($kind, $id, $revision, (SELECT coalesce(max(change), 0) + 1 FROM accounts), $removed_ms, $document)
  ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision, change = excluded.change, removed_ms = excluded.removed_ms, document = excluded.document
  WHERE excluded.revision > accounts.revision`

/** Teams and keys in the embedded database. Its cursor is the number of the last change. */
export function createEmbeddedAccounts (database: DatabaseSync): AccountStore {
  const all = database.prepare(`SELECT ${COLUMNS} FROM accounts ORDER BY change`)
  const after = database.prepare(`SELECT ${COLUMNS} FROM accounts WHERE change > ? ORDER BY change`)
  const lastChange = database.prepare('SELECT coalesce(max(change), 0) AS change FROM accounts')
  const revisionOf = database.prepare('SELECT revision FROM accounts WHERE kind = ? AND id = ?')
  const isTeam = database.prepare("SELECT 1 FROM accounts WHERE kind = 'team' AND id = ? AND document IS NOT NULL")
  const hasKeys = database.prepare("SELECT 1 FROM accounts WHERE kind = 'key' AND document ->> 'team' = ? LIMIT 1")
  const forget = database.prepare('DELETE FROM accounts WHERE removed_ms < ?')
  const write = database.prepare(WRITE)

  function isConsistent ({ kind, id, document }: AccountEntry): boolean {
    if (kind === 'team') return document !== undefined || hasKeys.get(id) === undefined
    return document === undefined || isTeam.get(document.team) !== undefined
  }

  return {
    async load () {
      const rows = all.all() as unknown as Row[]
      return { entries: rows.map(entryOf), cursor: String(rows.at(-1)?.change ?? 0) }
    },
    async changesSince (cursor) {
      const { change } = lastChange.get() as { change: number }
      if (change < Number(cursor)) return { status: 'lost' }
      return { status: 'changes', entries: (after.all(Number(cursor)) as unknown as Row[]).map(entryOf), cursor: String(change) }
    },
    async put (entry) {
      const known = revisionOf.get(entry.kind, entry.id) as { revision: number } | undefined
      if (known !== undefined && known.revision !== entry.revision - 1) throw new GatewayError('conflict', `The ${entry.kind} "${entry.id}" has been changed meanwhile.`)
      if (!isConsistent(entry)) throw new GatewayError('conflict', entry.kind === 'team' ? 'The team still has keys.' : 'The team of the key is gone.')
      write.run(parametersOf(entry))
      if (entry.removedMs !== undefined) forget.run(entry.removedMs - REMOVAL_MEMORY_MS)
    },
    async restore (entries) {
      for (const entry of entries) write.run(parametersOf(entry))
    }
  }
}

function entryOf ({ kind, id, revision, removed_ms: removedMs, document: text }: Row): AccountEntry {
  const document = text === null ? undefined : JSON.parse(text) as unknown
  // Only `put` and `restore` write here, and they write entries.
  return { kind, id, revision, removedMs: removedMs ?? undefined, document } as AccountEntry
}

function parametersOf ({ kind, id, revision, removedMs, document }: AccountEntry): Record<string, string | number | null> {
  const text = document === undefined ? null : JSON.stringify(document)
  return { $kind: kind, $id: id, $revision: revision, $removed_ms: removedMs ?? null, $document: text }
}
