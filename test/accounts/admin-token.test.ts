import t from 'tap'
import { createAdminToken, createClientKey, keyDigest } from '../../src/accounts/keys.ts'
import { createIdentifyAdmin, createTokenCheck } from '../../src/accounts/admin-token.ts'
import { createManualClock, createSeededRandom } from '../support/fixed.ts'
import type { AdminToken } from '../../src/accounts/account.ts'
import type { Repeppering } from '../../src/accounts/rotation.ts'
import type { SecretOwner } from '../../src/accounts/directory.ts'

const TOKEN = 'a-token-of-more-than-thirty-two-characters'
const PEPPERS = { current: 'pepper', previous: 'pepper before' }

t.test('the token alone is the token', async (t) => {
  const isAdminToken = createTokenCheck(TOKEN)
  t.ok(isAdminToken(TOKEN))
  for (const wrong of ['', TOKEN.slice(1), `${TOKEN}x`, TOKEN.toUpperCase(), 'x'.repeat(TOKEN.length), 'x'.repeat(1_000_000), '模型']) t.notOk(isAdminToken(wrong))
})

t.test('a root token that could be guessed is refused, in words that do not repeat it', async (t) => {
  const refused = (token: string, message: RegExp): unknown => t.throws(() => createTokenCheck(token), { message })
  refused('', /^The admin token must have at least 32 characters\.$/)
  refused('x'.repeat(31), /must have at least 32 characters/)
  refused('x'.repeat(32), /^The admin token has fewer than 8 different characters\.$/)
  refused('changeme-changeme-changeme-changeme', /^The admin token looks like a placeholder; set one of your own, such as from "openssl rand -base64 32"\.$/)
})

/** Knows one token of these settings. */
function gate (settings: Partial<AdminToken> = {}, pepper = PEPPERS.current) {
  const random = createSeededRandom(5)
  const randomInt = (below: number): number => Math.floor(random() * below)
  const { id, secret } = createAdminToken(randomInt)
  const clock = createManualClock(Date.UTC(2027, 4, 22))
  const token: AdminToken = { id, role: 'team', team: 'search', digest: keyDigest(pepper, secret), createdMs: 0, revision: 1, ...settings }
  const tokens = new Map([[token.digest, token]])
  const outdated: (readonly [SecretOwner, Repeppering])[] = []
  const identify = createIdentifyAdmin(TOKEN, { findTokenByDigest: (digest) => tokens.get(digest) }, {
    peppers: PEPPERS, clock, outdated: (...told) => { outdated.push(told) }
  })
  return { identify, secret, id, clock, tokens, outdated, another: createAdminToken(randomInt).secret, clientKey: createClientKey(randomInt).secret }
}

t.test('the root token is an admin, and a made one is what it was made for', async (t) => {
  const { identify, secret, id } = gate()
  t.match(secret, /^dga-[a-z0-9]{8}-[A-Za-z0-9]{43}[0-9a-f]{8}$/)
  t.same(identify(TOKEN), { id: 'root', role: 'admin', team: undefined })
  t.same(identify(secret), { id, role: 'team', team: 'search' })
})

t.test('nobody else is anybody', async (t) => {
  const { identify, secret, another, clientKey, tokens } = gate()
  tokens.set(keyDigest(PEPPERS.current, clientKey), [...tokens.values()][0] as AdminToken)
  for (const wrong of ['', 'dga-', another, clientKey, secret.slice(0, -1), `${secret}0`, secret.toUpperCase(), `${TOKEN} `]) t.equal(identify(wrong), undefined, wrong)
})

t.test('a token is dead from its expiry on, and once it is revoked, however often it was used before', async (t) => {
  const expiring = gate({ expiresAt: '2027-05-22T00:00:01Z' })
  t.ok(expiring.identify(expiring.secret))
  expiring.clock.advance(1_000)
  t.equal(expiring.identify(expiring.secret), undefined)
  const revoked = gate()
  t.ok(revoked.identify(revoked.secret))
  revoked.tokens.clear()
  t.equal(revoked.identify(revoked.secret), undefined)
})

t.test('a token of the pepper before is good, and said to be outdated', async (t) => {
  const { identify, secret, id, outdated } = gate({}, PEPPERS.previous)
  t.match(identify(secret), { id })
  t.same(outdated, [[{ kind: 'token', id }, { from: keyDigest(PEPPERS.previous, secret), to: keyDigest(PEPPERS.current, secret) }]])
})
