import t from 'tap'
import fc from 'fast-check'
import { createClientKey, isWellFormed, keyDigest } from '../../src/accounts/keys.ts'
import { createSeededRandom } from '../support/fixed.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const PREFIX = 'sk-dg-'

function keyOf (seed: number): { id: string, secret: string } {
  const random = createSeededRandom(seed)
  return createClientKey((below) => Math.floor(random() * below))
}

t.test('a key has its form, holds its id and is well formed', async (t) => {
  fc.assert(fc.property(fc.integer(), (seed) => {
    const { id, secret } = keyOf(seed)
    return /^sk-dg-[a-z0-9]{8}-[A-Za-z0-9]{43}[0-9a-f]{8}$/.test(secret) && secret.startsWith(`${PREFIX}${id}-`) && isWellFormed(secret)
  }), { numRuns: 500 })
  t.pass('500 keys')
})

t.test('every character of both alphabets is drawn, and no other number asked for', async (t) => {
  const asked = new Set<number>()
  const first = createClientKey((below) => { asked.add(below); return 0 }).secret
  const last = createClientKey((below) => below - 1).secret
  t.same([...asked], [36, 62])
  t.ok(first.startsWith(`sk-dg-aaaaaaaa-${'A'.repeat(43)}`))
  t.ok(last.startsWith(`sk-dg-99999999-${'9'.repeat(43)}`))
})

t.test('one wrong character behind the prefix is always noticed', async (t) => {
  fc.assert(fc.property(fc.integer(), fc.nat(), fc.constantFrom(...ALPHABET, '-', '_', ' ', 'é', '\n', ''), (seed, place, character) => {
    const { secret } = keyOf(seed)
    const at = PREFIX.length + place % (secret.length - PREFIX.length)
    const wrong = secret.slice(0, at) + character + secret.slice(at + 1)
    return isWellFormed(wrong) === (wrong === secret)
  }), { numRuns: 3000 })
  t.pass('3,000 keys')
})

t.test('a key that was cut, lengthened or mixed up is noticed', async (t) => {
  const { secret } = keyOf(1)
  for (let length = PREFIX.length; length < secret.length; length++) t.notOk(isWellFormed(secret.slice(0, length)))
  for (const wrong of [`${secret}0`, `${secret}\n`, `${secret}${secret}`, PREFIX, `${secret.slice(0, 15)}${keyOf(2).secret.slice(15)}`]) t.notOk(isWellFormed(wrong))
})

t.test('keys of other forms are left to the store', async (t) => {
  for (const key of ['', 'sk-abc', 'my own key', 'SK-DG-x', 'sk-dg']) t.ok(isWellFormed(key))
})

t.test('a digest depends on the whole key and on the pepper, and shows neither', async (t) => {
  const { secret } = keyOf(1)
  t.equal(keyDigest('pepper', secret), keyDigest('pepper', secret))
  t.match(keyDigest('pepper', secret), /^[A-Za-z0-9_-]{43}$/)
  const others = [keyDigest('Pepper', secret), keyDigest('pepper', `${secret}0`), keyDigest('pepper', secret.slice(1)), keyDigest('', secret)]
  t.equal(new Set([keyDigest('pepper', secret), ...others]).size, 5)
})

t.test('a digest is HMAC-SHA-256', async (t) => {
  // RFC 4231, test case 2.
  t.equal(Buffer.from(keyDigest('Jefe', 'what do ya want for nothing?'), 'base64url').toString('hex'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
})
