import t from 'tap'
import { createKeyring } from '../../src/upstream/keyring.ts'
import { createVault } from '../../src/upstream/vault.ts'
import { TARGET } from '../relay/fakes.ts'
import { untouched, withDrain, withKey, withKeyDrain, withoutKey } from '../../src/accounts/upstream-changes.ts'
import { upstreamKeyId } from '../../src/core/upstream-key.ts'
import type { StoredKey, UpstreamDocument } from '../../src/accounts/account.ts'
import type { Upstream } from '../../src/core/catalog.ts'
import type { UpstreamDraft } from '../../src/accounts/directory.ts'

const vault = createVault({ current: 'the secret of these tests', previous: undefined })
const UPSTREAM: Upstream = { ...TARGET.upstream, name: 'dashscope', keys: [configured('sk-one'), configured('sk-two')] }

function configured (key: string) {
  return { id: upstreamKeyId(key), key, weight: 1 }
}

function stored (key: string, { weight = 1, workspace }: { weight?: number, workspace?: string } = {}): StoredKey {
  return { ...vault.seal('dashscope', key), weight, workspace, createdMs: 0 }
}

function scene (upstream: Upstream = UPSTREAM) {
  let document: UpstreamDocument | undefined
  const told: string[] = []
  const keyring = createKeyring({ vault, documentOf: () => document, unreadable: (...words) => { told.push(words.join(' ')) } })
  return {
    keyring,
    told,
    set (change: (before: UpstreamDraft) => UpstreamDraft) {
      document = { ...change(document ?? untouched('dashscope')), revision: (document?.revision ?? 0) + 1 }
    },
    keys: () => keyring.keysOf(upstream).map(({ key }) => key),
    states: () => keyring.states(upstream).map(({ id, origin, state }) => `${origin} ${id} ${state}`)
  }
}

t.test('the configured keys are there, and stored ones beside them', async (t) => {
  const { keyring, keys, set } = scene()
  t.same(keys(), ['sk-one', 'sk-two'])
  set((upstream) => withKey(upstream, stored('sk-three', { weight: 5, workspace: 'ws' })))
  t.same(keys(), ['sk-one', 'sk-two', 'sk-three'])
  t.strictSame(keyring.keysOf(UPSTREAM)[2], { id: upstreamKeyId('sk-three'), key: 'sk-three', weight: 5, workspace: 'ws' })
  set((upstream) => withoutKey(upstream, upstreamKeyId('sk-three')))
  t.same(keys(), ['sk-one', 'sk-two'])
})

t.test('a key that is configured and stored is there once', async (t) => {
  const { keys, states, set } = scene()
  set((upstream) => withKey(upstream, stored('sk-one')))
  t.same(keys(), ['sk-one', 'sk-two'])
  t.same(states(), ['sk-one', 'sk-two'].map((key) => `configured ${upstreamKeyId(key)} active`))
})

t.test('a drained key is not chosen, wherever it comes from, until it is resumed', async (t) => {
  const { keys, states, set } = scene()
  set((upstream) => withKey(upstream, stored('sk-three')))
  for (const key of ['sk-one', 'sk-three']) set((upstream) => withKeyDrain(upstream, upstreamKeyId(key), true))
  t.same(keys(), ['sk-two'])
  t.same(states(), [
    `configured ${upstreamKeyId('sk-one')} drained`, `configured ${upstreamKeyId('sk-two')} active`, `stored ${upstreamKeyId('sk-three')} drained`
  ])
  set((upstream) => withKeyDrain(upstream, upstreamKeyId('sk-one'), false))
  t.same(keys(), ['sk-one', 'sk-two'])
})

t.test('of a drained upstream no key is chosen, and each keeps its own state', async (t) => {
  const { keys, states, set } = scene()
  set((upstream) => withDrain(upstream, true))
  t.same(keys(), [])
  t.same(states(), ['sk-one', 'sk-two'].map((key) => `configured ${upstreamKeyId(key)} active`))
  set((upstream) => withDrain(upstream, false))
  t.same(keys(), ['sk-one', 'sk-two'])
})

t.test('a stored key that cannot be decrypted is told of and not used, and the others are', async (t) => {
  const { keys, states, set, told } = scene()
  const foreign = createVault({ current: 'another secret of these tests', previous: undefined }).seal('dashscope', 'sk-foreign')
  set((upstream) => withKey(upstream, stored('sk-three')))
  set((upstream) => withKey(upstream, { ...foreign, weight: 1, createdMs: 0 }))
  set((upstream) => withKey(upstream, { ...stored('sk-four'), cipher: 'v1.AAAA' }))
  t.same(keys(), ['sk-one', 'sk-two', 'sk-three'])
  t.same(states().slice(3), [`stored ${foreign.id} unreadable`, `stored ${upstreamKeyId('sk-four')} unreadable`])
  const why = 'cannot be decrypted: it was changed in the store, or stored with another DASHGATE_SECRET'
  t.same(told, [`dashscope ${foreign.id} ${why}`, `dashscope ${upstreamKeyId('sk-four')} ${why}`], 'once, and not with every request')
})

t.test('what is asked for with every request is made once for each change', async (t) => {
  const { keyring, set } = scene()
  const before = keyring.keysOf(UPSTREAM)
  t.equal(keyring.keysOf(UPSTREAM), before)
  set((upstream) => withKey(upstream, stored('sk-three')))
  const after = keyring.keysOf(UPSTREAM)
  t.not(after, before)
  t.equal(keyring.keysOf(UPSTREAM), after)
  t.equal(keyring.keysOf({ ...UPSTREAM, keys: [] }).length, 1, 'another catalog has its own')
})

t.test('calls under way are counted by key, each until its end', async (t) => {
  const { keyring } = scene()
  const id = upstreamKeyId('sk-one')
  const inFlight = (): number[] => keyring.states(UPSTREAM).map((state) => state.inFlight)
  const ends = [keyring.begin('dashscope', id), keyring.begin('dashscope', id), keyring.begin('other', id)]
  t.same(inFlight(), [2, 0])
  ends[0]?.()
  ends[0]?.()
  t.same(inFlight(), [1, 0], 'an end counts once')
  ends[1]?.()
  t.same(inFlight(), [0, 0])
})

t.test('nothing that is shown of a key is the key', async (t) => {
  const { keyring, set } = scene()
  set((upstream) => withKey(upstream, stored('sk-three')))
  t.notMatch(JSON.stringify(keyring.states(UPSTREAM)), /sk-/)
})
