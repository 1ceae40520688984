import { readFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { weaknessOf } from '../../src/core/secret-strength.ts'

const PLACEHOLDER = 'looks like a placeholder; set one of your own, such as from "openssl rand -base64 32"'

t.test('what has fewer than 32 characters is too short', async (t) => {
  for (const short of ['', 'x7Pq', 'x7Pq-an-admin-token-nobody-gues']) t.equal(weaknessOf(short), 'must have at least 32 characters')
  t.equal(weaknessOf('x7Pq-an-admin-token-nobody-guess'), undefined)
})

t.test('one character, or very few, again and again', async (t) => {
  for (const text of ['a'.repeat(32), '0'.repeat(64), 'abcabcaabbccabcabcaabbccabcabcaabbcc', '10110100101101001011010010110100110']) {
    t.equal(weaknessOf(text), 'has fewer than 8 different characters', text)
  }
})

t.test('a shorter text again and again', async (t) => {
  for (const text of ['admin-token-admin-token-admin-token-', 'correcthorsebatterycorrecthorsebattery', 'x7Pq-4kd9x7Pq-4kd9x7Pq-4kd9x7Pq-4kd9x7P']) {
    t.equal(weaknessOf(text), 'is a shorter text again and again', text)
  }
})

t.test('a run along the alphabet, the digits or the keyboard', async (t) => {
  for (const text of ['abcdefghijklmnopqrstuvwxyz0123456789', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ!987654', 'qwertyuiopasdfghjklzxcvbnmqwert!1', 'aabbccddeeffgghhiijjkkllmmnnooppqq', 'zyxwvutsrqponmlkjihgfedcba-98765']) {
    t.equal(weaknessOf(text), 'follows the alphabet, the digits or the keyboard', text)
  }
})

t.test('few bits, though the characters differ', async (t) => {
  t.equal(weaknessOf('aaaaaaabaaaacaaadaaaaaaeaaaafaaagaaah'), 'follows the alphabet, the digits or the keyboard')
  t.equal(weaknessOf('azazazazbzazazazczazadzazazezaz9azazgz'), 'is not random enough; take one from "openssl rand -base64 32"')
})

t.test('what stands in examples', async (t) => {
  const texts = [
    'changeme-0123456789-x7Pq-4kd9-ruwm', 'please-CHANGE_ME-please-x7Pq-4kd9-ruwm', 'your-admin-token-of-32-characters', 'replace-this-by-a-long-random-text',
    '<put a token of 32 characters here>', 'an-example-token-of-32-characters', 'default-admin-token-for-everybody', 'insert-your-own-token-here-please', 'my-placeholder-x7Pq-4kd9-ruwm-0o2'
  ]
  for (const text of texts) t.equal(weaknessOf(text), PLACEHOLDER, text)
})

t.test('the example file shows where a token comes from, and none that could be taken over', async (t) => {
  const example = readFileSync(new URL('../../dashgate.example.yaml', import.meta.url), 'utf8')
  const shown = [...example.matchAll(/^ *# *(\w+_token|\w*secret): \$\{(\w+)\}$/gm)].map(([, name, value]) => [name, value])
  t.same(shown, [
    ['admin_token', 'DASHGATE_ADMIN_TOKEN'], ['master_secret', 'DASHGATE_SECRET'], ['previous_master_secret', 'DASHGATE_SECRET_PREVIOUS']
  ])
  t.equal([...example.matchAll(/^ *# *\w*(?:token|secret): /gm)].length, shown.length, 'each is one of these')
})

t.test('random ones in the forms people make them in are good', async (t) => {
  for (let count = 0; count < 2_000; count++) {
    for (const text of [randomBytes(16).toString('hex'), randomBytes(24).toString('base64'), randomBytes(32).toString('base64url')]) {
      const weakness = weaknessOf(text)
      if (weakness !== undefined) t.fail(`${text} ${weakness}`)
    }
  }
  t.pass('6,000 of them')
})
