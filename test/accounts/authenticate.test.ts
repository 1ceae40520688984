import t from 'tap'
import { createAuthenticate } from '../../src/accounts/authenticate.ts'
import { createClientKey, keyDigest } from '../../src/accounts/keys.ts'
import { createSeededRandom } from '../support/fixed.ts'
import { shownRefusal } from '../support/refusal.ts'
import type { Authenticate } from '../../src/accounts/authenticate.ts'
import type { HeaderValues } from '../../src/core/protocol.ts'
import type { Principal } from '../../src/accounts/principal.ts'

const PEPPER = 'pepper'
const TEAM: Principal = { team: 'search', keyId: 'abcdefgh' }
const WRONG = { kind: 'unauthenticated', param: undefined, message: 'Incorrect API key provided.' }
const MISSING = { kind: 'unauthenticated', param: undefined, message: 'No API key was provided. Send it as "Authorization: Bearer <key>".' }

const random = createSeededRandom(7)
const newKey = (): string => createClientKey((below) => Math.floor(random() * below)).secret
const KEY = newKey()

interface Doorman { readonly authenticate: Authenticate, readonly asked: string[], readonly digests: Map<string, Principal> }

function doorman (...keys: string[]): Doorman {
  const digests = new Map(keys.map((key) => [keyDigest(PEPPER, key), TEAM]))
  const asked: string[] = []
  const findByDigest = (digest: string): Principal | undefined => {
    asked.push(digest)
    return digests.get(digest)
  }
  return { authenticate: createAuthenticate({ findByDigest }, PEPPER), asked, digests }
}

t.test('a key is taken under every name clients send it by', async (t) => {
  const { authenticate } = doorman(KEY)
  const forms: HeaderValues[] = [
    { authorization: `Bearer ${KEY}` }, { authorization: `bearer ${KEY}` }, { authorization: `BEARER   ${KEY}  ` }, { 'x-api-key': KEY }, { 'api-key': KEY },
    { 'x-api-key': KEY, 'api-key': 'other' }, { authorization: `Bearer ${KEY}`, 'x-api-key': 'other' }
  ]
  for (const headers of forms) t.equal(authenticate(headers), TEAM, Object.keys(headers).join())
})

t.test('without a key the answer says how to send one', async (t) => {
  const { authenticate, asked } = doorman(KEY)
  for (const headers of [{}, { authorization: '' }, { authorization: 'Bearer' }, { authorization: 'Bearer ' }, { authorization: `Basic ${KEY}` }, { authorization: KEY },
    { authorization: `Bearer ${KEY} ${KEY}` }, { authorization: `Bearer${KEY}` }, { 'x-key': KEY }]) {
    t.same(shownRefusal(() => authenticate(headers)), MISSING)
  }
  t.equal(asked.length, 0)
})

t.test('unknown, mistyped and malformed keys get the same answer', async (t) => {
  const { authenticate, digests } = doorman(KEY)
  const wrong = [newKey(), KEY.slice(0, -1), `${KEY}0`, 'sk-dg-', 'sk-other', 'x', 'x'.repeat(512), 'x'.repeat(513), 'x'.repeat(1_000_000), '模型', keyDigest(PEPPER, KEY)]
  for (const key of wrong) t.same(shownRefusal(() => authenticate({ authorization: `Bearer ${key}` })), WRONG, key.slice(0, 20))
  for (const key of ['', ' ', KEY.toUpperCase()]) t.same(shownRefusal(() => authenticate({ 'x-api-key': key })), WRONG)
  t.equal(digests.size, 1)
})

t.test('a store is asked by digest alone, and not at all for what cannot be a key of ours', async (t) => {
  const { authenticate, asked } = doorman(KEY)
  authenticate({ 'x-api-key': KEY })
  t.same(asked, [keyDigest(PEPPER, KEY)])
  for (const key of [KEY.slice(0, -1), 'sk-dg-x', 'x'.repeat(513)]) t.throws(() => authenticate({ 'x-api-key': key }))
  t.equal(asked.length, 1)
})

t.test('a key that is taken out of the store is refused at once, remembered or not', async (t) => {
  const { authenticate, digests } = doorman(KEY)
  t.equal(authenticate({ 'x-api-key': KEY }), TEAM)
  digests.clear()
  t.same(shownRefusal(() => authenticate({ 'x-api-key': KEY })), WRONG)
  digests.set(keyDigest(PEPPER, KEY), { ...TEAM, team: 'other' })
  t.equal(authenticate({ 'x-api-key': KEY }).team, 'other')
})

t.test('a key of another form is found where the store has it', async (t) => {
  const { authenticate } = doorman('my-own-key')
  t.equal(authenticate({ authorization: 'Bearer my-own-key' }), TEAM)
})

t.test('more keys than are remembered are told apart all the same', async (t) => {
  const keys = Array.from({ length: 10_050 }, (_, index) => `key-${index}`)
  const digests = new Map(keys.map((key): [string, Principal] => [keyDigest(PEPPER, key), { team: key, keyId: key }]))
  const authenticate = createAuthenticate({ findByDigest: (digest) => digests.get(digest) }, PEPPER)
  t.ok(keys.every((key) => authenticate({ 'api-key': key }).team === key))
  t.ok(keys.every((key) => authenticate({ 'api-key': key }).team === key), 'and a second time')
})
