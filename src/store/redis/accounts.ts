import type { Cluster, Redis } from 'ioredis'
import { CHANGES, LOAD, PUT, RESTORE } from './accounts-scripts.ts'
import { entryName, REMOVAL_MEMORY_MS } from '../../accounts/store.ts'
import { GatewayError } from '../../core/errors.ts'
import type { AccountEntry, AccountStore } from '../../accounts/store.ts'

const KEYS = ['dg:{accounts}:docs', 'dg:{accounts}:log'] as const
const EPOCH_FIELD = 'epoch'
/** What one answer brings; the rest comes with the next. */
const CHANGES_MAX = 256

type ChangesReply = readonly ['lost' | 'gap'] | readonly ['changes', string, readonly string[]]
type PutReply = 'written' | 'changed' | 'team_gone' | 'has_keys'

/**
 * Teams and keys in Redis, for any number of gateways. Its cursor is the epoch of the documents and the last change seen.
 * The connection that is handed in must end its commands after a time.
 */
export function createRedisAccounts (redis: Redis | Cluster): AccountStore {
  async function run (script: string, ...words: readonly (string | number)[]): Promise<unknown> {
    try {
      // The scripts are short and rarely run, so their text goes along, and it does not matter what the server remembers.
      return await redis.eval(script, KEYS.length, ...KEYS, ...words)
    } catch (cause) {
      throw new GatewayError('store_unavailable', 'The store of teams and keys cannot be reached. Try again shortly.', { cause })
    }
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
    async put (entry) {
      const { kind, id, revision, document } = entry
      const teamNeeded = kind === 'key' && document !== undefined ? entryName({ kind: 'team', id: document.team }) : ''
      const teamEmptied = kind === 'team' && document === undefined ? id : ''
      const reply = await run(PUT, entryName(entry), revision, textOf(entry), teamNeeded, teamEmptied) as PutReply
      if (reply === 'changed') throw new GatewayError('conflict', `The ${kind} "${id}" has been changed meanwhile.`)
      if (reply === 'has_keys') throw new GatewayError('conflict', 'The team still has keys.')
      if (reply === 'team_gone') throw new GatewayError('conflict', 'The team of the key is gone.')
    },
    async restore (entries) {
      await run(RESTORE, ...entries.flatMap((entry) => [entryName(entry), entry.revision, textOf(entry)]))
    }
  }
}

/** A removal's time comes first: the scripts look for it there. */
function textOf ({ revision, removedMs, document }: AccountEntry): string {
  return JSON.stringify(removedMs === undefined ? { revision, document } : { removedMs, revision })
}

/** None for the epoch, which is no entry. */
function entryOf ([name, text]: readonly [string, string]): AccountEntry[] {
  const [, kind, id] = /^(team|key):(.*)$/s.exec(name) ?? []
  if (kind === undefined) return []
  const { revision, removedMs, document } = JSON.parse(text) as AccountEntry
  // Only `put` and `restore` write here, and they write entries.
  return [{ kind, id, revision, removedMs, document } as AccountEntry]
}

function pairsOf (flat: readonly string[]): (readonly [string, string])[] {
  return flat.flatMap((name, index) => index % 2 === 0 ? [[name, flat[index + 1] ?? ''] as const] : [])
}
