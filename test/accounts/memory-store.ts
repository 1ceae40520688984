import { DatabaseSync } from 'node:sqlite'
import { ACCOUNTS_SCHEMA } from '../../src/store/embedded/accounts-schema.ts'
import { AUDIT_SCHEMA } from '../../src/store/embedded/audit-schema.ts'
import { createEmbeddedAccounts } from '../../src/store/embedded/accounts.ts'
import type { AccountStore } from '../../src/accounts/store.ts'

/** A real store in a database of memory, which its test can also empty. */
export interface MemoryAccounts extends AccountStore {
  /** As a store that has lost everything and says so. */
  empty (): void
  /** Rejects every call until it is called with undefined. */
  failWith (cause: Error | undefined): void
  /** The next change report has a gap. */
  forgetChanges (): void
}

export function createMemoryAccounts (): MemoryAccounts {
  let database = newDatabase()
  let store = createEmbeddedAccounts(database)
  let failure: Error | undefined
  let hasGap = false
  let lives = 0
  const call = <T>(action: () => Promise<T>): Promise<T> => failure === undefined ? action() : Promise.reject(failure)
  return {
    load: () => call(async () => {
      const { entries, cursor } = await store.load()
      return { entries, cursor: `${lives} ${cursor}` }
    }),
    changesSince: (cursor) => call(async () => {
      const [life, change = ''] = cursor.split(' ')
      if (Number(life) !== lives) return { status: 'lost' }
      if (!hasGap) {
        const changes = await store.changesSince(change)
        return changes.status === 'changes' ? { ...changes, cursor: `${lives} ${changes.cursor}` } : changes
      }
      hasGap = false
      return { status: 'gap' }
    }),
    put: (entry, draft) => call(() => store.put(entry, draft)),
    restore: (entries) => call(() => store.restore(entries)),
    append: (draft) => call(() => store.append(draft)),
    audit: (query) => call(() => store.audit(query)),
    empty () {
      lives++
      database.close()
      database = newDatabase()
      store = createEmbeddedAccounts(database)
    },
    failWith (cause) { failure = cause },
    forgetChanges () { hasGap = true }
  }
}

function newDatabase (): DatabaseSync {
  const database = new DatabaseSync(':memory:')
  database.exec('CREATE TABLE keys (id TEXT, team TEXT, digest TEXT, created_ms INTEGER)')
  database.exec(ACCOUNTS_SCHEMA)
  database.exec(AUDIT_SCHEMA)
  return database
}
