import t from 'tap'
import { createAuthenticateFresh } from '../../src/accounts/authenticate-fresh.ts'
import { createClientKey } from '../../src/accounts/keys.ts'
import { createManualClock, createSeededRandom } from '../support/fixed.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { principalOf } from '../support/accounts.ts'

const random = createSeededRandom(3)
const newKey = (): string => createClientKey((below) => Math.floor(random() * below)).secret
const UNKNOWN = new GatewayError('unauthenticated', 'Incorrect API key provided.')

/** Knows some keys, and others once it has looked into the store. */
function scene (known: string[], stored: string[] = []) {
  const clock = createManualClock()
  const keys = new Set(known)
  const door = { looks: 0, away: false }
  const authenticateFresh = createAuthenticateFresh((headers) => {
    if (keys.has(headers['x-api-key'] ?? '')) return principalOf('search')
    throw UNKNOWN
  }, {
    async catchUp () {
      door.looks++
      if (door.away) throw new GatewayError('store_unavailable', 'away')
      for (const key of stored) keys.add(key)
    }
  }, clock)
  return { clock, door, ask: async (key: string) => (await authenticateFresh({ 'x-api-key': key }, undefined)).team }
}

t.test('a key that is known is let in without a look into the store', async (t) => {
  const key = newKey()
  const { ask, door } = scene([key])
  t.equal(await ask(key), 'search')
  t.equal(door.looks, 0)
})

t.test('a key that was made elsewhere a moment ago is let in by one look', async (t) => {
  const key = newKey()
  const { ask, door } = scene([], [key])
  t.equal(await ask(key), 'search')
  t.equal(await ask(key), 'search')
  t.equal(door.looks, 1)
})

t.test('a key that the store does not know is refused as ever, also while the store is away', async (t) => {
  const { ask, door } = scene([])
  await t.rejects(ask(newKey()), UNKNOWN)
  door.away = true
  await t.rejects(ask(newKey()), UNKNOWN)
  t.equal(door.looks, 2)
})

t.test('what no admin API has made is not looked for', async (t) => {
  const { ask, door } = scene([])
  for (const key of ['', 'sk-other', `${newKey()}0`, newKey().slice(0, -1), 'dga-x']) await t.rejects(ask(key), UNKNOWN)
  t.equal(door.looks, 0)
})

t.test('whoever guesses costs the store twenty looks a second at most', async (t) => {
  const { ask, door, clock } = scene([])
  for (let guesses = 0; guesses < 200; guesses++) await t.rejects(ask(newKey()), UNKNOWN)
  t.equal(door.looks, 20)
  clock.advance(999)
  await t.rejects(ask(newKey()), UNKNOWN)
  t.equal(door.looks, 20)
  clock.advance(1)
  await t.rejects(ask(newKey()), UNKNOWN)
  t.equal(door.looks, 21)
})

t.test('only an unknown key is looked for, and no other refusal is asked twice', async (t) => {
  let looks = 0
  const denied = new GatewayError('permission_denied', 'not from here')
  const ask = createAuthenticateFresh(() => { throw denied }, { async catchUp () { looks++ } }, createManualClock())
  await t.rejects(ask({ 'x-api-key': newKey() }, undefined), denied)
  t.equal(looks, 0)
})
