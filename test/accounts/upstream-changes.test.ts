import t from 'tap'
import { recoded, untouched, upstreamAction, withDrain, withKey, withKeyDrain, withoutKey } from '../../src/accounts/upstream-changes.ts'
import type { StoredKey } from '../../src/accounts/account.ts'
import type { UpstreamDraft } from '../../src/accounts/directory.ts'

const NOTHING = untouched('dashscope')

function key (id: string, cipher = `cipher of ${id}`): StoredKey {
  return { id, cipher, weight: 1, createdMs: 0 }
}

t.test('each change is called by what it does', async (t) => {
  const one = withKey(NOTHING, key('one'))
  const cases: [UpstreamDraft, UpstreamDraft, string][] = [
    [NOTHING, withDrain(NOTHING, true), 'upstream.drain'],
    [withDrain(NOTHING, true), NOTHING, 'upstream.resume'],
    [NOTHING, one, 'upstream.add_key'],
    [one, withoutKey(one, 'one'), 'upstream.remove_key'],
    [one, withKeyDrain(one, 'one', true), 'upstream.drain_key'],
    [withKeyDrain(one, 'one', true), one, 'upstream.resume_key'],
    [one, { ...one, keys: [key('one', 'another cipher')] }, 'upstream.reencrypt'],
    [one, one, 'upstream.update']
  ]
  for (const [before, after, action] of cases) t.equal(upstreamAction(before, after), action)
})

t.test('a key is stored once, and taken out with its drain', async (t) => {
  const one = withKeyDrain(withKey(NOTHING, key('one')), 'one', true)
  t.throws(() => withKey(one, key('one')), { name: 'GatewayError', message: 'The upstream has the key one already.' })
  t.strictSame(withoutKey(one, 'one'), NOTHING)
  t.throws(() => withoutKey(NOTHING, 'one'), { name: 'GatewayError', message: 'The upstream has no such stored key.' })
})

t.test('a key that is drained twice is drained once, and resumed at once', async (t) => {
  const twice = withKeyDrain(withKeyDrain(NOTHING, 'one', true), 'one', true)
  t.same(twice.drainedKeys, ['one'])
  t.same(withKeyDrain(twice, 'one', false).drainedKeys, [])
})

t.test('there is an end to what is stored', async (t) => {
  let upstream = NOTHING
  for (let count = 0; count < 64; count++) upstream = withKey(upstream, key(`key-${count}`))
  t.throws(() => withKey(upstream, key('one more')), { name: 'GatewayError', message: 'The upstream has 64 stored keys already.' })
  for (let count = 0; count < 128; count++) upstream = withKeyDrain(upstream, `key-${count}`, true)
  t.throws(() => withKeyDrain(upstream, 'one more', true), { name: 'GatewayError', message: 'The upstream has 128 drained keys already.' })
  t.doesNotThrow(() => withKeyDrain(upstream, 'key-7', true))
})

t.test('only keys with another cipher make another document', async (t) => {
  const document = { ...withKey(withKey(NOTHING, key('one')), key('two')), revision: 4 }
  t.equal(recoded(document, () => undefined), undefined)
  t.equal(recoded(document, ({ cipher }) => cipher), undefined)
  t.strictSame(recoded(document, ({ id }) => id === 'two' ? 'new' : undefined), { ...document, keys: [key('one'), key('two', 'new')] })
})
