import t from 'tap'
import fc from 'fast-check'
import { FORMER_SECRETS_MAX } from '../../src/accounts/account.ts'
import { livingFormer, repeppered, rotated } from '../../src/accounts/rotation.ts'
import type { ClientKey } from '../../src/accounts/account.ts'

const KEY: ClientKey = { id: 'abcdefgh', team: 'search', digest: 'd0', former: [], settings: { name: 'CI', requests_per_minute: 5 }, createdMs: 7, revision: 3 }
const CONFLICT = { name: 'GatewayError', message: /^The key has 8 older secrets that still live\./ }

t.test('the secret before lives until its grace ends, and all else stays', async (t) => {
  const key = rotated(KEY, { digest: 'd1', graceMs: 500 }, 1_000)
  t.strictSame(key, { ...KEY, digest: 'd1', former: [{ digest: 'd0', untilMs: 1_500 }] })
  t.same(livingFormer(key, 1_499), [{ digest: 'd0', untilMs: 1_500 }])
  t.same(livingFormer(key, 1_500), [])
})

t.test('several live beside each other, each to its own end', async (t) => {
  const twice = rotated(rotated(KEY, { digest: 'd1', graceMs: 10_000 }, 0), { digest: 'd2', graceMs: 1_000 }, 500)
  t.strictSame(twice.former, [{ digest: 'd1', untilMs: 1_500 }, { digest: 'd0', untilMs: 10_000 }])
  t.same(livingFormer(twice, 1_500).map(({ digest }) => digest), ['d0'])
})

t.test('no grace ends all older ones at once', async (t) => {
  const key = rotated(rotated(KEY, { digest: 'd1', graceMs: 10_000 }, 0), { digest: 'd2', graceMs: 0 }, 1)
  t.same([key.digest, key.former], ['d2', []])
})

t.test('there are never more than eight, and the dead are not counted', async (t) => {
  let key = KEY
  for (let count = 1; count <= FORMER_SECRETS_MAX; count++) key = rotated(key, { digest: `d${count}`, graceMs: 1_000 }, count)
  t.equal(key.former.length, FORMER_SECRETS_MAX)
  t.throws(() => rotated(key, { digest: 'd9', graceMs: 1_000 }, 1_000), CONFLICT)
  t.equal(rotated(key, { digest: 'd9', graceMs: 1_000 }, 1_001).former.length, FORMER_SECRETS_MAX)
  t.equal(rotated(key, { digest: 'd9', graceMs: 0 }, 1_000).former.length, 0)
})

t.test('whatever is rotated when, exactly those live whose grace has not ended', async (t) => {
  const steps = fc.array(fc.record({ waitMs: fc.nat({ max: 500 }), graceMs: fc.nat({ max: 2_000 }) }), { maxLength: 20 })
  fc.assert(fc.property(steps, (list) => {
    let [key, nowMs] = [KEY, 0]
    const ends = new Map<string, number>()
    for (const [index, { waitMs, graceMs }] of list.entries()) {
      nowMs += waitMs
      const living = [...ends.values()].filter((untilMs) => untilMs > nowMs).length
      try {
        const next = rotated(key, { digest: `new-${index}`, graceMs }, nowMs)
        if (graceMs > 0 && living >= FORMER_SECRETS_MAX) return false
        if (graceMs === 0) ends.clear()
        else ends.set(key.digest, nowMs + graceMs)
        key = next
      } catch {
        if (living < FORMER_SECRETS_MAX) return false
      }
      const expected = [...ends].filter(([, untilMs]) => untilMs > nowMs).map(([digest]) => digest)
      const actual = livingFormer(key, nowMs).map(({ digest }) => digest)
      if (expected.toSorted().join() !== actual.toSorted().join() || key.id !== KEY.id || key.settings !== KEY.settings) return false
    }
    return true
  }), { numRuns: 1_000 })
  t.pass('1,000 lives')
})

t.test('a secret under another pepper keeps its end, and its digest of before lives an hour longer at most', async (t) => {
  const hourMs = 3_600_000
  t.strictSame(repeppered(KEY, { from: 'd0', to: 'n0' }, 0), { ...KEY, digest: 'n0', former: [{ digest: 'd0', untilMs: hourMs }] })
  const key = rotated(KEY, { digest: 'd1', graceMs: 5_000 }, 0)
  t.strictSame(repeppered(key, { from: 'd0', to: 'n0' }, 1_000)?.former, [{ digest: 'n0', untilMs: 5_000 }, { digest: 'd0', untilMs: 5_000 }])
  t.equal(repeppered(key, { from: 'd0', to: 'n0' }, 1_000)?.digest, 'd1')
})

t.test('a secret that the key has no more is not brought back', async (t) => {
  const key = rotated(KEY, { digest: 'd1', graceMs: 5_000 }, 0)
  t.equal(repeppered(key, { from: 'd0', to: 'n0' }, 5_000), undefined)
  t.equal(repeppered(key, { from: 'other', to: 'n0' }, 0), undefined)
})

t.test('where all places are taken the digest of before goes at once', async (t) => {
  let key = KEY
  for (let count = 1; count <= FORMER_SECRETS_MAX; count++) key = rotated(key, { digest: `d${count}`, graceMs: 1_000 }, count)
  const moved = repeppered(key, { from: 'd8', to: 'n8' }, 10)
  t.equal(moved?.digest, 'n8')
  t.same(moved?.former, key.former)
})
