import type { StoredKey, UpstreamDocument } from '../accounts/account.ts'
import type { Upstream } from '../core/catalog.ts'
import type { UpstreamKey } from '../core/target.ts'
import type { Vault } from './vault.ts'

/** The keys that upstreams are called with: the configured ones and those stored through the admin API. */
export interface Keyring {
  /** Those with which something new may be sent: none, of an upstream that is drained. */
  keysOf (upstream: Upstream): readonly UpstreamKey[]
  /** Counts a call as under way, until the function it gives is called. */
  begin (upstreamName: string, keyId: string): () => void
  /** Every key there is, as an operator may see it. */
  states (upstream: Upstream): readonly KeyState[]
}

export interface KeyState {
  readonly id: string
  readonly origin: 'configured' | 'stored'
  /** `unreadable` where it is stored and cannot be decrypted. */
  readonly state: 'active' | 'drained' | 'unreadable'
  readonly inFlight: number
  readonly weight: number
}

export interface KeyringDeps {
  readonly vault: Pick<Vault, 'open'>
  /** What is set of an upstream through the admin API. Documents are never changed, only replaced. */
  readonly documentOf: (upstreamName: string) => UpstreamDocument | undefined
  /** Told of a stored key that is not used, and why. */
  readonly unreadable: (upstreamName: string, keyId: string, why: string) => void
}

interface Held { readonly state: Omit<KeyState, 'inFlight'>, readonly key: UpstreamKey | undefined }

/** Both change seldom and are asked for with every request, so what follows from them is kept until one is another. */
interface Ring {
  readonly document: UpstreamDocument | undefined
  readonly held: readonly Held[]
  readonly active: readonly UpstreamKey[]
}

export function createKeyring ({ vault, documentOf, unreadable }: KeyringDeps): Keyring {
  const rings = new WeakMap<Upstream, Ring>()
  const inFlight = createTally()

  function ringOf (upstream: Upstream): Ring {
    const document = documentOf(upstream.name)
    const known = rings.get(upstream)
    if (known !== undefined && known.document === document) return known
    const further = (document?.keys ?? []).filter(({ id }) => upstream.keys.every((key) => key.id !== id))
    const held = [...upstream.keys.map((key) => configured(key, document)), ...further.map((key) => stored(key, document))]
    const active = held.flatMap(({ key, state }) => key !== undefined && state.state === 'active' ? [key] : [])
    const ring = { document, held, active: document?.isDrained === true ? [] : active }
    rings.set(upstream, ring)
    return ring
  }

  function stored ({ id, cipher, weight, workspace }: StoredKey, document: UpstreamDocument | undefined): Held {
    const upstreamName = document?.id ?? ''
    const opened = vault.open(upstreamName, { id, cipher })
    if (opened.key === undefined) {
      unreadable(upstreamName, id, opened.why)
      return { state: { id, origin: 'stored', state: 'unreadable', weight }, key: undefined }
    }
    const key = { id, key: opened.key, weight, ...(workspace === undefined ? {} : { workspace }) }
    return { state: { id, origin: 'stored', state: stateIn(document, id), weight }, key }
  }

  return {
    keysOf: (upstream) => ringOf(upstream).active,
    begin: (upstreamName, keyId) => inFlight.add(`${upstreamName} ${keyId}`),
    states: (upstream) => ringOf(upstream).held.map(({ state }) => ({ ...state, inFlight: inFlight.of(`${upstream.name} ${state.id}`) }))
  }
}

function configured (key: UpstreamKey, document: UpstreamDocument | undefined): Held {
  return { state: { id: key.id, origin: 'configured', state: stateIn(document, key.id), weight: key.weight }, key }
}

function stateIn (document: UpstreamDocument | undefined, keyId: string): 'active' | 'drained' {
  return document?.drainedKeys.includes(keyId) === true ? 'drained' : 'active'
}

interface Tally {
  add (name: string): () => void
  of (name: string): number
}

/** Counts what has begun and not ended. A name of which nothing is under way is forgotten. */
function createTally (): Tally {
  const counts = new Map<string, number>()
  return {
    add (name) {
      counts.set(name, (counts.get(name) ?? 0) + 1)
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        const left = (counts.get(name) ?? 1) - 1
        if (left === 0) counts.delete(name)
        else counts.set(name, left)
      }
    },
    of: (name) => counts.get(name) ?? 0
  }
}
