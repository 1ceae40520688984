import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Documents, Kind } from './store.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'

type Shown = Readonly<Record<string, unknown>>

/** What the audit log shows of a document: all that is set, and of secrets a fingerprint by which two can be told apart. */
const SHOWN: { readonly [K in Kind]: (document: Documents[K]) => Shown } = {
  team: ({ settings }) => settings,
  key: ({ team, settings, digest, former }) => ({
    ...settings,
    team,
    secret: fingerprint(digest),
    former: former.map((secret) => ({ secret: fingerprint(secret.digest), until: new Date(secret.untilMs).toISOString() }))
  }),
  token: ({ role, team, name, expiresAt, digest }) => ({ role, team, name, expires_at: expiresAt, secret: fingerprint(digest) }),
  upstream: ({ isDrained, drainedKeys, keys }) => ({
    drained: isDrained,
    drained_keys: drainedKeys,
    // A key's id is its fingerprint.
    keys: keys.map(({ id, weight, workspace }) => ({ id, weight, workspace }))
  })
}

/** The members in which two revisions of a document differ; all, where there was none before or is none after. */
export function changeOf<K extends Kind> (
  kind: K, before: Documents[K] | undefined, after: Documents[K] | undefined
): JsonObject {
  const show = SHOWN[kind]
  const sides = { before: before && show(before), after: after && show(after) }
  const names = new Set([...Object.keys(sides.before ?? {}), ...Object.keys(sides.after ?? {})])
  const changed = [...names].filter((name) => !isDeepStrictEqual(sides.before?.[name], sides.after?.[name]))
  const picked = (side: Shown | undefined): JsonValue => {
    return side === undefined ? null : Object.fromEntries(changed.map((name) => [name, side[name] as JsonValue]))
  }
  return { before: picked(sides.before), after: picked(sides.after) }
}

/** Tells digests apart and says nothing of them. */
function fingerprint (digest: string): string {
  return createHash('sha256').update(digest).digest('hex').slice(0, 8)
}
