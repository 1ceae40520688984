import { createAccountIndex } from './account-index.ts'
import { createCatchUp } from './catch-up.ts'
import { createWrites } from './writes.ts'
import { livingFormer, repeppered, rotated } from './rotation.ts'
import { untouched, upstreamAction } from './upstream-changes.ts'
import type { Account } from './principal.ts'
import type { AccountStore } from './store.ts'
import type { AccountIndex } from './account-index.ts'
import type { Actor } from './actor.ts'
import type { AdminToken, ClientKey, FormerSecret, KeySettings, Team, TeamSettings, UpstreamDocument } from './account.ts'
import type { Clock } from '../core/clock.ts'
import type { Repeppering, Rotation } from './rotation.ts'
import type { Writes } from './writes.ts'

/**
 * All teams, keys, admin tokens, and what is set of upstreams. They are read from memory, which goes on answering while the
 * store is away, and written to the store first, each write with its entry in the audit log. A write is made from the
 * document that is handed in: it is a `conflict` if somebody has replaced that meanwhile. `by` is who writes; undefined is
 * the gateway itself. Writes reject with GatewayError `conflict` or `store_unavailable`.
 */
export interface Directory {
  /** A key by any of its secrets that lives now. */
  findByDigest (digest: string): Account | undefined
  team (id: string): Team | undefined
  key (id: string): ClientKey | undefined
  teams (): readonly Team[]
  keysOf (team: string): readonly ClientKey[]
  /** The older secrets of a key that live now. */
  formerOf (key: ClientKey): readonly FormerSecret[]
  token (id: string): AdminToken | undefined
  /** A token whose time may be over. */
  findTokenByDigest (digest: string): AdminToken | undefined
  tokens (): readonly AdminToken[]
  upstream (name: string): UpstreamDocument | undefined
  upstreams (): readonly UpstreamDocument[]
  createTeam (id: string, settings: TeamSettings, by: Actor | undefined): Promise<Team>
  replaceTeam (team: Team, settings: TeamSettings, by: Actor | undefined): Promise<Team>
  /** A `conflict` while the team has keys or tokens. */
  removeTeam (team: Team, by: Actor | undefined): Promise<void>
  createKey (key: NewKey, by: Actor | undefined): Promise<ClientKey>
  replaceKey (key: ClientKey, changes: { readonly settings: KeySettings }, by: Actor | undefined): Promise<ClientKey>
  /** Gives it another secret. A `conflict` where too many older ones still live. */
  rotateKey (key: ClientKey, rotation: Rotation, by: Actor | undefined): Promise<ClientKey>
  /** From now on nobody is let in by it. */
  removeKey (key: ClientKey, by: Actor | undefined): Promise<void>
  createToken (token: NewToken, by: Actor | undefined): Promise<AdminToken>
  removeToken (token: AdminToken, by: Actor | undefined): Promise<void>
  /** A draft with no revision is of an upstream of which nothing is set yet. */
  putUpstream (upstream: UpstreamDraft, by: Actor | undefined): Promise<UpstreamDocument>
  /** Keeps a secret under another pepper, if the owner still has it. */
  repepper (owner: SecretOwner, repeppering: Repeppering): Promise<void>
  /** Takes in what other processes have written. */
  catchUp (): Promise<void>
}

export type NewKey = Pick<ClientKey, 'id' | 'team' | 'digest' | 'settings'>
export type NewToken = Omit<AdminToken, 'createdMs' | 'revision'>
export type UpstreamDraft = Omit<UpstreamDocument, 'revision'> & { readonly revision?: number | undefined }
export interface SecretOwner { readonly kind: 'key' | 'token', readonly id: string }

/**
 * @param clock the store's time, by which secrets die on every gateway at once
 * @throws GatewayError `store_unavailable`: before the first reading there is nothing to answer from
 */
export async function openDirectory (store: AccountStore, clock: Pick<Clock, 'nowMs'>): Promise<Directory> {
  const index = createAccountIndex()
  const catchUp = await createCatchUp(store, index, clock)
  const writes = createWrites(store, index, clock)
  const { create, replace, remove } = writes
  const born = (): { createdMs: number } => ({ createdMs: clock.nowMs() })
  return {
    ...readsOf(index, clock),
    createTeam: (id, settings, by) => create('team', { id, settings, ...born() }, by),
    replaceTeam: (before, settings, by) => replace({ kind: 'team', action: 'team.update', before, after: { ...before, settings } }, by),
    removeTeam: (team, by) => remove('team', team, by),
    createKey: (key, by) => create('key', { ...key, former: [], ...born() }, by),
    replaceKey: (before, changes, by) => replace({ kind: 'key', action: 'key.update', before, after: { ...before, ...changes } }, by),
    async rotateKey (before, rotation, by) {
      return await replace({ kind: 'key', action: 'key.rotate', before, after: rotated(before, rotation, clock.nowMs()) }, by)
    },
    removeKey: (key, by) => remove('key', key, by),
    createToken: (token, by) => create('token', { ...token, ...born() }, by),
    removeToken: (token, by) => remove('token', token, by),
    putUpstream: (draft, by) => putUpstream(draft, by, { index, writes }),
    repepper: (owner, repeppering) => repepper(owner, repeppering, { index, writes, clock }),
    catchUp
  }
}

interface Parts { readonly index: AccountIndex, readonly writes: Writes }

async function putUpstream (
  { revision, ...draft }: UpstreamDraft, by: Actor | undefined, { index, writes }: Parts
): Promise<UpstreamDocument> {
  if (revision === undefined) return await writes.create('upstream', draft, by, upstreamAction(untouched(draft.id), draft))
  const after = { ...draft, revision }
  const known = index.get('upstream', draft.id)
  // Of another revision than ours nobody here knows what was set before: it is a conflict, and nothing is written.
  const before = known?.revision === revision ? known : after
  return await writes.replace({ kind: 'upstream', action: upstreamAction(before, after), before, after }, by)
}

async function repepper (
  { kind, id }: SecretOwner, repeppering: Repeppering, { index, writes, clock }: Parts & { readonly clock: Pick<Clock, 'nowMs'> }
): Promise<void> {
  if (kind === 'token') {
    const before = index.get('token', id)
    if (before?.digest !== repeppering.from) return
    await writes.replace({ kind, action: 'token.repepper', before, after: { ...before, digest: repeppering.to } }, undefined)
    return
  }
  const before = index.get('key', id)
  if (before === undefined) return
  const after = repeppered(before, repeppering, clock.nowMs())
  if (after !== undefined) await writes.replace({ kind, action: 'key.repepper', before, after }, undefined)
}

type Reads = 'findByDigest' | 'team' | 'key' | 'teams' | 'keysOf' | 'formerOf' | 'token' | 'findTokenByDigest' | 'tokens' | 'upstream' | 'upstreams'

function readsOf (index: AccountIndex, clock: Pick<Clock, 'nowMs'>): Pick<Directory, Reads> {
  return {
    findByDigest: (digest) => index.findByDigest(digest, clock.nowMs()),
    team: (id) => index.get('team', id),
    key: (id) => index.get('key', id),
    teams: () => index.all('team'),
    keysOf: (team) => index.all('key').filter((key) => key.team === team),
    formerOf: (key) => livingFormer(key, clock.nowMs()),
    token: (id) => index.get('token', id),
    findTokenByDigest: index.findTokenByDigest,
    tokens: () => index.all('token'),
    upstream: (name) => index.get('upstream', name),
    upstreams: () => index.all('upstream')
  }
}
