import type { DatabaseSync } from 'node:sqlite'
import type { KeyStore } from '../../accounts/authenticate.ts'
import type { Principal } from '../../accounts/principal.ts'

export interface StoredKey extends Principal { readonly digest: string }

/** Keys of the embedded store, held in memory too: this process is the only one that changes them. */
export interface EmbeddedKeys extends KeyStore {
  /** Adds a key unless its digest is known. An id names one key: a key added under a known id takes the old one's place. */
  add (key: StoredKey, createdMs: number): void
  /** Forgets every key but one, in the database too. */
  removeAllBut (keyId: string): void
  readonly size: number
}

export function createEmbeddedKeys (database: DatabaseSync): EmbeddedKeys {
  const byDigest = new Map<string, Principal>()
  const rows = database.prepare('SELECT id, team, digest FROM keys').all() as { id: string, team: string, digest: string }[]
  for (const row of rows) byDigest.set(row.digest, { team: row.team, keyId: row.id })
  const insert = database.prepare('INSERT INTO keys (id, team, digest, created_ms) VALUES (?, ?, ?, ?) ' +
    'ON CONFLICT (id) DO UPDATE SET team = excluded.team, digest = excluded.digest, created_ms = excluded.created_ms')
  return {
    findByDigest: (digest) => byDigest.get(digest),
    add ({ keyId, team, digest }, createdMs) {
      if (byDigest.has(digest)) return
      insert.run(keyId, team, digest, createdMs)
      for (const [known, principal] of byDigest) if (principal.keyId === keyId) byDigest.delete(known)
      byDigest.set(digest, { team, keyId })
    },
    removeAllBut (keyId) {
      database.prepare('DELETE FROM keys WHERE id <> ?').run(keyId)
      for (const [digest, principal] of byDigest) if (principal.keyId !== keyId) byDigest.delete(digest)
    },
    get size () { return byDigest.size }
  }
}
