import t from 'tap'
import fc from 'fast-check'
import { createVault } from '../../src/upstream/vault.ts'
import { upstreamKeyId } from '../../src/core/upstream-key.ts'
import type { SealedKey } from '../../src/upstream/vault.ts'

const SECRET = 'the secret of these tests'
const OTHER = 'another secret of these tests'
const KEY = 'sk-an-upstream-key'
const UNKNOWN = /cannot be decrypted: it was changed in the store, or stored with another DASHGATE_SECRET/

const vault = createVault({ current: SECRET, previous: undefined })

t.test('what is sealed is opened again, for any key and upstream', async (t) => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.stringMatching(/^[A-Za-z0-9._:-]{1,20}$/), (key, upstream) => {
    const opened = vault.open(upstream, vault.seal(upstream, key))
    return opened.key === Buffer.from(key).toString() && opened.sealedWith === 'current'
  }), { numRuns: 300 })
  t.pass('300 keys')
})

t.test('a key is named by its fingerprint, and nothing of it is in what is stored', async (t) => {
  const sealed = vault.seal('dashscope', KEY)
  t.equal(sealed.id, upstreamKeyId(KEY))
  t.match(sealed.id, /^[0-9a-f]{12}$/)
  t.notMatch(sealed.cipher, KEY)
  t.notMatch(Buffer.from(sealed.cipher.slice(3), 'base64url').toString('latin1'), /upstream/)
})

t.test('the same key never looks the same twice', async (t) => {
  t.equal(new Set(Array.from({ length: 500 }, () => vault.seal('dashscope', KEY).cipher)).size, 500)
  const asked: number[] = []
  createVault({ current: SECRET, previous: undefined }, (bytes) => { asked.push(bytes); return Buffer.alloc(bytes) }).seal('a', KEY)
  t.same(asked, [12], 'a nonce of 96 bits')
})

t.test('any change of a cipher is noticed', async (t) => {
  const sealed = vault.seal('dashscope', KEY)
  const bytes = Buffer.from(sealed.cipher.slice(3), 'base64url')
  for (let place = 0; place < bytes.length; place++) {
    const changed = Buffer.from(bytes)
    changed[place] = (changed[place] ?? 0) ^ 1
    const opened = vault.open('dashscope', { ...sealed, cipher: `v1.${changed.toString('base64url')}` })
    if (opened.key !== undefined) t.fail(`byte ${place}`)
  }
  for (let length = 0; length < bytes.length; length++) {
    const opened = vault.open('dashscope', { ...sealed, cipher: `v1.${bytes.subarray(0, length).toString('base64url')}` })
    if (opened.key !== undefined) t.fail(`${length} bytes of it`)
  }
  t.match(vault.open('dashscope', { ...sealed, cipher: 'v1.' }), { key: undefined, why: UNKNOWN })
  t.match(vault.open('dashscope', { ...sealed, cipher: KEY }), { key: undefined, why: 'is in a form that this gateway does not know' })
})

t.test('a cipher is of no use for another upstream, under another id, or with another secret', async (t) => {
  const sealed = vault.seal('dashscope', KEY)
  const tries: [string, SealedKey][] = [['other', sealed], ['dashscope', { ...sealed, id: upstreamKeyId('another') }]]
  for (const [upstream, tried] of tries) t.match(vault.open(upstream, tried), { key: undefined, why: UNKNOWN })
  t.match(createVault({ current: OTHER, previous: undefined }).open('dashscope', sealed), { key: undefined, why: UNKNOWN })
  t.match(createVault({ current: OTHER, previous: SECRET }).open('dashscope', sealed), { key: KEY, sealedWith: 'previous' })
  t.match(createVault({ current: SECRET, previous: OTHER }).open('dashscope', sealed), { key: KEY, sealedWith: 'current' })
})
