import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { createAuthenticate } from '../../src/accounts/authenticate.ts'
import { createClientKey, keyDigest } from '../../src/accounts/keys.ts'
import { createManualClock, createSeededRandom } from '../support/fixed.ts'
import { createMemoryAccounts } from './memory-store.ts'
import { createRepepper } from '../../src/accounts/repepper.ts'
import { openDirectory } from '../../src/accounts/directory.ts'
import { principalOf } from '../support/accounts.ts'
import { shownRefusal } from '../support/refusal.ts'
import type { Account, Principal } from '../../src/accounts/principal.ts'
import type { Authenticate } from '../../src/accounts/authenticate.ts'
import type { HeaderValues } from '../../src/core/protocol.ts'
import type { KeySettings, TeamSettings } from '../../src/accounts/account.ts'

const PEPPER = 'pepper'
const NOW_MS = Date.UTC(2027, 4, 22)
const CALLER = principalOf('search')
const WRONG = { kind: 'unauthenticated', param: undefined, message: 'Incorrect API key provided.' }
const MISSING = { kind: 'unauthenticated', param: undefined, message: 'No API key was provided. Send it as "Authorization: Bearer <key>".' }

const random = createSeededRandom(7)
const newKey = (): string => createClientKey((below) => Math.floor(random() * below)).secret
const KEY = newKey()

interface Doorman {
  authenticate (headers: HeaderValues, address?: string): Principal
  readonly asked: string[]
  readonly digests: Map<string, Account>
}

function doorman (...keys: string[]): Doorman {
  const digests = new Map(keys.map((key) => [keyDigest(PEPPER, key), CALLER.account]))
  const asked: string[] = []
  const findByDigest = (digest: string): Account | undefined => {
    asked.push(digest)
    return digests.get(digest)
  }
  const authenticate = createAuthenticate({ findByDigest }, { peppers: { current: PEPPER, previous: undefined }, clock: createManualClock(NOW_MS), outdated () {} })
  return { authenticate: (headers, address) => authenticate(headers, address), asked, digests }
}

/** Lets in one key of these settings. */
function doormanFor (settings: TeamSettings, keySettings: KeySettings): Doorman {
  const door = doorman(KEY)
  door.digests.set(keyDigest(PEPPER, KEY), principalOf('search', { settings, keySettings }).account)
  return door
}

t.test('a key is taken under every name clients send it by', async (t) => {
  const { authenticate } = doorman(KEY)
  const forms: HeaderValues[] = [
    { authorization: `Bearer ${KEY}` }, { authorization: `bearer ${KEY}` }, { authorization: `BEARER   ${KEY}  ` }, { 'x-api-key': KEY }, { 'api-key': KEY },
    { 'x-api-key': KEY, 'api-key': 'other' }, { authorization: `Bearer ${KEY}`, 'x-api-key': 'other' }
  ]
  for (const headers of forms) t.strictSame(authenticate(headers), CALLER, Object.keys(headers).join())
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
  t.strictSame(authenticate({ 'x-api-key': KEY }), CALLER)
  digests.clear()
  t.same(shownRefusal(() => authenticate({ 'x-api-key': KEY })), WRONG)
  digests.set(keyDigest(PEPPER, KEY), principalOf('other').account)
  t.equal(authenticate({ 'x-api-key': KEY }).team, 'other')
})

t.test('a key of another form is found where the store has it', async (t) => {
  const { authenticate } = doorman('my-own-key')
  t.strictSame(authenticate({ authorization: 'Bearer my-own-key' }), CALLER)
})

t.test('more keys than are remembered are told apart all the same', async (t) => {
  const keys = Array.from({ length: 10_050 }, (_, index) => `key-${index}`)
  const { authenticate, digests } = doorman()
  for (const key of keys) digests.set(keyDigest(PEPPER, key), principalOf(key).account)
  t.ok(keys.every((key) => authenticate({ 'api-key': key }).team === key))
  t.ok(keys.every((key) => authenticate({ 'api-key': key }).team === key), 'and a second time')
})

t.test('a key is dead from its expiry on, with the answer of one that never was', async (t) => {
  const expiring = (text: string): Doorman => doormanFor({}, { expires_at: text })
  t.equal(expiring('2027-05-22T08:00:00.001+08:00').authenticate({ 'x-api-key': KEY }).keyId, 'k')
  for (const time of ['2027-05-22T08:00:00+08:00', '2027-05-21T00:00:00Z', 'not a time']) {
    t.same(shownRefusal(() => expiring(time).authenticate({ 'x-api-key': KEY })), WRONG, time)
  }
})

t.test('an address that the team or the key does not allow is refused', async (t) => {
  const denied = { kind: 'permission_denied', param: undefined, message: 'This API key may not be used from this address.' }
  const both = doormanFor({ allowed_ips: ['10.0.0.0/8'] }, { allowed_ips: ['10.1.0.0/16', '::1'] })
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3']) t.equal(both.authenticate({ 'x-api-key': KEY }, address).team, 'search', address)
  for (const address of ['10.2.0.1', '11.1.0.1', '::1', undefined]) t.same(shownRefusal(() => both.authenticate({ 'x-api-key': KEY }, address)), denied, String(address))
  t.same(shownRefusal(() => both.authenticate({ 'x-api-key': newKey() }, '11.1.0.1')), WRONG, 'an unknown key says nothing of addresses')
})

t.test('a principal holds the documents of its moment', async (t) => {
  const door = doorman(KEY)
  const { account } = door.authenticate({ 'x-api-key': KEY })
  door.digests.set(keyDigest(PEPPER, KEY), principalOf('search', { settings: { name: 'later' } }).account)
  t.strictSame(account.team.settings, {})
  t.equal(door.authenticate({ 'x-api-key': KEY }).account.team.settings.name, 'later')
})

t.test('a former secret lives until its time, and then gets the answer of one that never was, remembered or not', async (t) => {
  const clock = createManualClock(NOW_MS)
  const directory = await openDirectory(createMemoryAccounts(), clock)
  const authenticate = createAuthenticate(directory, { peppers: { current: PEPPER, previous: undefined }, clock, outdated () {} })
  await directory.createTeam('search', {}, undefined)
  const [first, second] = [newKey(), newKey()]
  const key = await directory.createKey({ id: 'abcdefgh', team: 'search', digest: keyDigest(PEPPER, first), settings: {} }, undefined)
  await directory.rotateKey(key, { digest: keyDigest(PEPPER, second), graceMs: 5_000 }, undefined)
  for (const secret of [first, second, first]) t.equal(authenticate({ 'x-api-key': secret }, undefined).keyId, 'abcdefgh')
  clock.advance(4_999)
  t.equal(authenticate({ 'x-api-key': first }, undefined).keyId, 'abcdefgh')
  clock.advance(1)
  const answers = [first, newKey()].map((secret) => shownRefusal(() => authenticate({ 'x-api-key': secret }, undefined)))
  t.same(answers, [WRONG, WRONG])
  t.equal(authenticate({ 'x-api-key': second }, undefined).keyId, 'abcdefgh')
})

t.test('unknown, revoked, expired and former secrets are told apart by nobody', async (t) => {
  const clock = createManualClock(NOW_MS)
  const directory = await openDirectory(createMemoryAccounts(), clock)
  const authenticate = createAuthenticate(directory, { peppers: { current: PEPPER, previous: 'pepper before' }, clock, outdated () {} })
  await directory.createTeam('search', {}, undefined)
  const made = async (id: string, settings: KeySettings = {}) => {
    const secret = newKey()
    return { secret, key: await directory.createKey({ id, team: 'search', digest: keyDigest(PEPPER, secret), settings }, undefined) }
  }
  const [revoked, expired, rotatedAway, ended] = [await made('ka'), await made('kb', { expires_at: '2027-05-22T00:00:00Z' }), await made('kc'), await made('kd')]
  await directory.removeKey(revoked.key, undefined)
  await directory.rotateKey(rotatedAway.key, { digest: 'x', graceMs: 0 }, undefined)
  await directory.rotateKey(ended.key, { digest: 'y', graceMs: 1 }, undefined)
  clock.advance(1)
  for (const { secret } of [revoked, expired, rotatedAway, ended, { secret: newKey() }]) {
    const caught: unknown = (() => { try { return authenticate({ 'x-api-key': secret }, '10.0.0.1') } catch (error) { return error } })()
    t.match(caught, { kind: 'unauthenticated', status: 401, message: WRONG.message, retryAfterMs: undefined })
  }
})

t.test('a key under the pepper before is good, moves to the current one as it is used, and then needs no other', async (t) => {
  const clock = createManualClock(NOW_MS)
  const store = createMemoryAccounts()
  const directory = await openDirectory(store, clock)
  const before = { current: 'pepper before', previous: undefined }
  const [old, both, now] = [before, { current: PEPPER, previous: 'pepper before' }, { current: PEPPER, previous: undefined }].map((peppers) => {
    return createAuthenticate(directory, { peppers, clock, outdated: createRepepper(directory, { clock, failed: (cause) => { throw cause } }) })
  }) as [Authenticate, Authenticate, Authenticate]
  await directory.createTeam('search', {}, undefined)
  await directory.createKey({ id: 'abcdefgh', team: 'search', digest: keyDigest('pepper before', KEY), settings: {} }, undefined)
  const idBy = (authenticate: Authenticate): string => authenticate({ 'x-api-key': KEY }, undefined).keyId
  t.throws(() => idBy(now), { message: WRONG.message })
  for (let uses = 0; uses < 5; uses++) t.equal(idBy(both), 'abcdefgh')
  await turn()
  t.equal(directory.key('abcdefgh')?.digest, keyDigest(PEPPER, KEY))
  for (const authenticate of [now, both, old]) t.equal(idBy(authenticate), 'abcdefgh', 'also by a gateway that was not restarted yet')
  await turn()
  const log = await store.audit({ limit: 10 })
  t.same(log.map(({ actor, action }) => `${actor} ${action}`), ['gateway key.repepper', 'gateway key.create', 'gateway team.create'], 'one write for all uses')
  clock.advance(3_600_000)
  t.throws(() => idBy(old), { message: WRONG.message })
  for (const authenticate of [now, both]) t.equal(idBy(authenticate), 'abcdefgh')
})
