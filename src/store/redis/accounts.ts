import type { Cluster, Redis } from 'ioredis'
import { APPEND, CHANGES, LOAD, PUT, RESTORE } from './accounts-scripts.ts'
import { auditEntryOf } from '../../accounts/audit.ts'
import { createChaining } from './audit-chain.ts'
import { entryName, KINDS, REMOVAL_MEMORY_MS, storedEntry, teamNeeded } from '../../accounts/store.ts'
import { GatewayError } from '../../core/errors.ts'
import type { AccountEntry, AccountStore } from '../../accounts/store.ts'
import type { AuditHead } from '../../accounts/audit.ts'

const AUDIT_KEY = 'dg:{accounts}:audit'
const KEYS = ['dg:{accounts}:docs', 'dg:{accounts}:log', AUDIT_KEY] as const
const EPOCH_FIELD = 'epoch'
/** What one answer brings; the rest comes with the next. */
const CHANGES_MAX = 256
const NAME = new RegExp(`^(${KINDS.join('|')}):(.*)$`, 's')

type ChangesReply = readonly ['lost' | 'gap'] | readonly ['changes', string, readonly string[]]
type PutReply = readonly ['written' | 'changed' | 'team_gone' | 'has_members'] | readonly ['head', seq: string, hash: string]

/**
 * Accounts in Redis, for any number of gateways. Its cursor is the epoch of the documents and the last change seen. The
 * connection that is handed in must end its commands after a time.
 */
export function createRedisAccounts (redis: Redis | Cluster): AccountStore {
  const chaining = createChaining()

  const run = async (script: string, ...words: readonly (string | number)[]): Promise<unknown> => {
    // The scripts are short and rarely run, so their text goes along, and it does not matter what the server remembers.
    return await asked(redis.eval(script, KEYS.length, ...KEYS, ...words))
  }

  return {
    async load () {
      const [all, change] = await run(LOAD, REMOVAL_MEMORY_MS) as [string[], string]
      const pairs = pairsOf(all)
      const epoch = pairs.find(([name]) => name === EPOCH_FIELD)?.[1] ?? ''
      return { entries: pairs.flatMap(entryOf), cursor: `${epoch} ${change}` }
    },
    async changesSince (cursor) {
      const [epoch = '', change = ''] = cursor.split(' ')
      const [status, last, changed] = await run(CHANGES, epoch, change, CHANGES_MAX) as ChangesReply
      return status === 'changes' ? { status, entries: pairsOf(changed).flatMap(entryOf), cursor: `${epoch} ${last}` } : { status }
    },
    async put (entry, draft) {
      const { kind, id, revision } = entry
      const words = [entryName(entry), revision, textOf(entry), ...conditionsOf(entry)]
      await chaining.add(draft, async (link, head) => {
        const [status, ...newHead] = await run(PUT, head.seq, head.hash, JSON.stringify(link), ...words) as PutReply
        if (status === 'changed') throw new GatewayError('conflict', `The ${kind} "${id}" has been changed meanwhile.`)
        if (status === 'has_members') throw new GatewayError('conflict', 'The team still has keys or tokens.')
        if (status === 'team_gone') throw new GatewayError('conflict', `The team of the ${kind} is gone.`)
        return headOf(newHead)
      })
    },
    async restore (entries) {
      await run(RESTORE, ...entries.flatMap((entry) => [entryName(entry), entry.revision, textOf(entry)]))
    },
    async append (draft) {
      return await chaining.add(draft, async (link, head) => {
        const [, ...newHead] = await run(APPEND, head.seq, head.hash, JSON.stringify(link)) as PutReply
        return headOf(newHead)
      })
    },
    async audit ({ before, limit }) {
      const newest = before === undefined ? '+' : `(${before}-0`
      const entries = await asked(redis.xrevrange(AUDIT_KEY, newest, '-', 'COUNT', limit))
      return entries.map(([, [, json = '']]) => auditEntryOf(json))
    }
  }
}

async function asked<Reply> (reply: Promise<Reply>): Promise<Reply> {
  try {
    return await reply
  } catch (cause) {
    throw new GatewayError('store_unavailable', 'The store of teams and keys cannot be reached. Try again shortly.', { cause })
  }
}

/** The name of a team that must be there, and the id of one that nothing may belong to; '' where there is none. */
function conditionsOf (entry: AccountEntry): [needed: string, emptied: string] {
  const needed = teamNeeded(entry)
  const isRemovedTeam = entry.kind === 'team' && entry.document === undefined
  return [needed === undefined ? '' : entryName({ kind: 'team', id: needed }), isRemovedTeam ? entry.id : '']
}

/** The head there is instead of the one that was named; none where that was right. */
function headOf ([seq, hash]: readonly string[]): AuditHead | undefined {
  return seq === undefined || hash === undefined ? undefined : { seq: Number(seq), hash }
}

/** A removal's time comes first: the scripts look for it there. */
function textOf ({ revision, removedMs, document }: AccountEntry): string {
  return JSON.stringify(removedMs === undefined ? { revision, document } : { removedMs, revision })
}

/** None for the epoch, which is no entry. */
function entryOf ([name, text]: readonly [string, string]): AccountEntry[] {
  const [, kind, id] = NAME.exec(name) ?? []
  if (kind === undefined) return []
  const { revision, removedMs, document } = JSON.parse(text) as AccountEntry
  // Only `put` and `restore` write here, and they write entries.
  return [storedEntry({ kind, id, revision, removedMs, document } as AccountEntry)]
}

function pairsOf (flat: readonly string[]): (readonly [string, string])[] {
  return flat.flatMap((name, index) => index % 2 === 0 ? [[name, flat[index + 1] ?? ''] as const] : [])
}
