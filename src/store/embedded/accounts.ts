import type { DatabaseSync } from 'node:sqlite'
import { createEmbeddedAudit } from './audit.ts'
import { GatewayError } from '../../core/errors.ts'
import { REMOVAL_MEMORY_MS, storedEntry, teamNeeded } from '../../accounts/store.ts'
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

/** Accounts in the embedded database. Its cursor is the number of the last change. */
export function createEmbeddedAccounts (database: DatabaseSync): AccountStore {
  const all = database.prepare(`SELECT ${COLUMNS} FROM accounts ORDER BY change`)
  const after = database.prepare(`SELECT ${COLUMNS} FROM accounts WHERE change > ? ORDER BY change`)
  const lastChange = database.prepare('SELECT coalesce(max(change), 0) AS change FROM accounts')
  const revisionOf = database.prepare('SELECT revision FROM accounts WHERE kind = ? AND id = ?')
  const isTeam = database.prepare("SELECT 1 FROM accounts WHERE kind = 'team' AND id = ? AND document IS NOT NULL")
  const hasMembers = database.prepare("SELECT 1 FROM accounts WHERE document ->> 'team' = ? LIMIT 1")
  const forget = database.prepare('DELETE FROM accounts WHERE removed_ms < ?')
  const write = database.prepare(WRITE)
  const audit = createEmbeddedAudit(database)

  function assertWritable (entry: AccountEntry): void {
    const { kind, id, revision, document } = entry
    const known = revisionOf.get(kind, id) as { revision: number } | undefined
    const team = teamNeeded(entry)
    if (known !== undefined && known.revision !== revision - 1) throw new GatewayError('conflict', `The ${kind} "${id}" has been changed meanwhile.`)
    if (team !== undefined && isTeam.get(team) === undefined) throw new GatewayError('conflict', `The team of the ${kind} is gone.`)
    if (kind === 'team' && document === undefined && hasMembers.get(id) !== undefined) throw new GatewayError('conflict', 'The team still has keys or tokens.')
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
    async put (entry, draft) {
      assertWritable(entry)
      together(database, () => {
        write.run(parametersOf(entry))
        if (entry.removedMs !== undefined) forget.run(entry.removedMs - REMOVAL_MEMORY_MS)
        audit.append(draft)
      })
    },
    async restore (entries) {
      for (const entry of entries) write.run(parametersOf(entry))
    },
    append: async (draft) => audit.append(draft),
    audit: async (query) => audit.list(query)
  }
}

/** All of it or nothing. Nobody else writes in between: it is one turn of the event loop. */
function together (database: DatabaseSync, action: () => void): void {
  database.exec('BEGIN')
  try {
    action()
    database.exec('COMMIT')
  } catch (cause) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw cause
  }
}

function entryOf ({ kind, id, revision, removed_ms: removedMs, document: text }: Row): AccountEntry {
  const document = text === null ? undefined : JSON.parse(text) as unknown
  // Only `put` and `restore` write here, and they write entries.
  return storedEntry({ kind, id, revision, removedMs: removedMs ?? undefined, document } as AccountEntry)
}

function parametersOf ({ kind, id, revision, removedMs, document }: AccountEntry): Record<string, string | number | null> {
  const text = document === undefined ? null : JSON.stringify(document)
  return { $kind: kind, $id: id, $revision: revision, $removed_ms: removedMs ?? null, $document: text }
}
