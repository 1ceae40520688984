import t from 'tap'
import { reasonToSkipRedis, until } from '../../support/redis.ts'
import { startLoad } from './load.ts'
import { promptAt, startReplicas } from './scene.ts'
import { upstreamKeyId } from '../../../src/core/upstream-key.ts'
import { untouched, withDrain, withKey, withKeyDrain, withoutKey } from '../../../src/accounts/upstream-changes.ts'
import { upstreamsOf } from './upstreams.ts'
import type { Load } from './load.ts'
import type { Replicas } from './scene.ts'
import type { RunningServer } from '../../../src/server.ts'
import type { UpstreamDraft } from '../../../src/accounts/directory.ts'

const skip = await reasonToSkipRedis()
const [CONFIGURED, ADDED, NEXT] = ['sk-configured-key-of-the-pool', 'sk-added-key-of-the-pool', 'sk-next-key-of-the-pool']
const WORKERS = 16
const GATEWAYS = 2
const PHASE_REQUESTS = 60

interface Pool extends Replicas {
  readonly load: Load
  set (change: (before: UpstreamDraft) => UpstreamDraft): Promise<void>
  add (key: string): Promise<void>
  /** How often the upstream has been asked with a key so far. */
  asked (key: string): number
  /** Waits until a key is used by every gateway from now on, or until it is used no more: not once in so many requests. */
  comesIn (key: string): Promise<void>
  goesOut (key: string): Promise<void>
}

async function underLoad (t: Parameters<typeof startReplicas>[0]): Promise<Pool> {
  const replicas = await startReplicas(t, { count: GATEWAYS, upstreams: upstreamsOf([CONFIGURED]) })
  const { directory, servers, simulator, vault, ask } = replicas
  const { secret } = await replicas.team('search')
  const load = startLoad({ workers: WORKERS, ask: (worker) => ask(servers[worker % GATEWAYS] as RunningServer, secret) })
  t.teardown(() => load.stop())
  const asked = (key: string): number => simulator.requests.filter((request) => request.key === key).length
  const askedAt = (server: RunningServer, key: string): number => {
    return simulator.requests.filter((request) => request.key === key && request.body.includes(promptAt(server))).length
  }

  async function set (change: (before: UpstreamDraft) => UpstreamDraft): Promise<void> {
    await directory.putUpstream(change(directory.upstream('sim') ?? untouched('sim')), undefined)
  }

  return {
    ...replicas,
    load,
    set,
    asked,
    add: (key) => set((upstream) => withKey(upstream, { ...vault.seal('sim', key), weight: 1, createdMs: 0 })),
    async comesIn (key) {
      const before = servers.map((server) => askedAt(server, key))
      await until(`${key} is used`, async () => servers.every((server, place) => askedAt(server, key) > (before[place] ?? 0)))
    },
    goesOut: (key) => until(`${key} is used no more`, async () => {
      const before = asked(key)
      await load.more(PHASE_REQUESTS)
      return asked(key) === before
    })
  }
}

t.test('keys of a pool come and go under load, and nobody notices', { skip }, async (t) => {
  const pool = await underLoad(t)
  const { load, simulator, directory } = pool
  await load.more(PHASE_REQUESTS)
  await t.test('one that is added is used', async () => {
    await pool.add(ADDED)
    await pool.comesIn(ADDED)
  })
  await t.test('one that is drained is used no more, until it is resumed', async (t) => {
    await pool.set((upstream) => withKeyDrain(upstream, upstreamKeyId(CONFIGURED), true))
    await pool.goesOut(CONFIGURED)
    await pool.set((upstream) => withKeyDrain(upstream, upstreamKeyId(CONFIGURED), false))
    await pool.comesIn(CONFIGURED)
    t.ok(pool.asked(ADDED) > 0)
  })
  await t.test('one that the vendor has revoked costs a second try and no answer', async (t) => {
    simulator.script((request) => request.key === ADDED ? 'unauthorized' : undefined)
    const before = pool.asked(ADDED)
    await load.more(4 * PHASE_REQUESTS)
    t.ok(pool.asked(ADDED) > before)
  })
  await t.test('and its successor takes its place', async () => {
    await pool.add(NEXT)
    await pool.comesIn(NEXT)
    await pool.set((upstream) => withoutKey(upstream, upstreamKeyId(ADDED)))
    await pool.goesOut(ADDED)
  })
  await load.stop()
  t.same(load.failures, [])
  t.ok(load.answered > 8 * PHASE_REQUESTS, `${load.answered} requests, none refused`)
  const text = [...pool.logLines, JSON.stringify(directory.upstreams()), JSON.stringify(await pool.redis.command('HGETALL', 'dg:{accounts}:docs'))].join('\n')
  for (const key of [CONFIGURED, ADDED, NEXT]) t.notOk(text.includes(key), 'no key is in any log, nor in the store')
})

t.test('a drained upstream takes nothing new and says so, until it is resumed', { skip }, async (t) => {
  const { set, servers, team, ask, load, simulator } = await underLoad(t)
  await load.stop()
  const { secret } = await team('ads')
  const [server] = servers as [RunningServer]
  t.equal(await ask(server, secret), 200)
  await set((upstream) => withDrain(upstream, true))
  await until('it is drained', async () => await ask(server, secret) === 503)
  const before = simulator.requests.length
  t.equal(await ask(server, secret), 503)
  t.equal(simulator.requests.length, before)
  await set((upstream) => withDrain(upstream, false))
  await until('it is back', async () => await ask(server, secret) === 200)
})
