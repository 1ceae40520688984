import t from 'tap'
import { accountContract } from '../account-contract.ts'
import { budget, charges, place, recordOf } from '../limit-scene.ts'
import { checkStore } from '../../../src/store/redis/checks.ts'
import { connect, storeOver } from './open-store.ts'
import { createRedisAccounts } from '../../../src/store/redis/accounts.ts'
import { createRedisLedger } from '../../../src/store/redis/ledger.ts'
import { reasonToSkipRedis, startRedisCluster } from '../../support/redis.ts'
import { systemClock, systemIds } from '../../../src/system.ts'
import { teamKeys } from '../../../src/store/redis/keys.ts'
import type { AccountStore } from '../../../src/accounts/store.ts'

const skip = await reasonToSkipRedis()

t.test('a cluster of three masters', { skip }, async (t) => {
  const cluster = await startRedisCluster()
  const connection = await connect(cluster.url)
  t.teardown(async () => {
    connection.close()
    await cluster.stop()
  })
  const { client } = connection
  const store = storeOver(connection)
  const bornMs = Date.now()
  const claims = [place(10), budget(7, 1_000, [{ id: 'total', startMs: 0, endMs: Number.MAX_SAFE_INTEGER, amount: 1_000 }])]

  await t.test('keeps 300 teams apart, each on one node', async (t) => {
    const teams = Array.from({ length: 300 }, (_, index) => `team-${index}`)
    const slots = new Set<number>()
    await Promise.all(teams.map(async (team, index) => {
      const amounts = [index % 11, index % 7, index % 5]
      for (const [place, amount] of amounts.entries()) {
        const call = { team, rid: `r#${place + 1}`, bornMs }
        const reserved = await store.reserve({ ...call, claims, mode: 'reserve', expiry: undefined })
        await store.renew({ team, rids: [call.rid] })
        const settled = await store.settle({ ...call, charges: charges(claims, amount), record: recordOf({ team }) })
        if (reserved.status !== 'granted' || settled.status !== 'settled') t.fail(`${team}: ${reserved.status} ${settled.status}`)
      }
      const { state, due, reservations, events, finals, expiries, usage, refusals } = teamKeys(team)
      const sum = String(amounts.reduce((total, amount) => total + amount, 0))
      const counters = await client.hgetall(state)
      if (counters['bs:day:total'] !== sum || counters['br:day:total'] !== '0' || counters['c:cc'] !== '0') t.same(counters, sum)
      const ofTeam = await Promise.all([state, due, reservations, events, finals(bornMs), expiries(bornMs), usage(1), refusals(bornMs)].map((key) => client.cluster('KEYSLOT', key)))
      if (new Set(ofTeam).size !== 1) t.same(ofTeam, [ofTeam[0]])
      slots.add(ofTeam[0] ?? -1)
    }))
    t.ok(slots.size > 250)
    const sizes = await Promise.all(cluster.nodes.map((node) => node.command('DBSIZE')))
    t.ok(sizes.every((size) => Number(size) > 100), sizes.join(' '))
  })

  await t.test('keeps accounts and their log in one slot, for any number of gateways', async (t) => {
    const [second, third] = [await connect(cluster.url), await connect(cluster.url)]
    t.teardown(() => { for (const another of [second, third]) another.close() })
    await accountContract(t, async () => {
      await client.del('dg:{accounts}:docs', 'dg:{accounts}:log', 'dg:{accounts}:audit')
      const [store, other, last] = [connection, second, third].map((each) => createRedisAccounts(each.client)) as [AccountStore, AccountStore, AccountStore]
      return { store, other, third: last }
    })
  })

  await t.test('finds records, and says how all of its masters are set up', async (t) => {
    const requestId = systemIds.requestId()
    const call = { team: 'search', rid: `${requestId}#2`, bornMs: Date.now() }
    await store.settle({ ...call, charges: [], record: recordOf({ requestId }) })
    t.strictSame(await createRedisLedger({ connection, clock: systemClock }).find(requestId, 'search'), [recordOf({ requestId })])
    t.same(await checkStore(connection, systemClock), [])
    await cluster.nodes[1]?.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    t.match(await checkStore(connection, systemClock), [/allkeys-lru/])
  })

  await t.test('is unavailable for a team whose slot moves, and goes on where it has moved to', async (t) => {
    const key = teamKeys('search').state
    const slot = Number(await client.cluster('KEYSLOT', key))
    const owners = await Promise.all(cluster.nodes.map((node) => node.command('HLEN', key).then(() => true, () => false)))
    const from = cluster.nodes[owners.indexOf(true)]
    const to = cluster.nodes[owners.indexOf(false)]
    const idOf = async (node: typeof from): Promise<string> => String(await node?.command('CLUSTER', 'MYID'))
    await to?.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await idOf(from))
    await from?.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await idOf(to))
    const keys = await from?.command('CLUSTER', 'GETKEYSINSLOT', slot, 100) as string[]
    await from?.command('MIGRATE', '127.0.0.1', to?.port ?? 0, '', 0, 5_000, 'KEYS', ...keys)
    const claim = { team: 'search', rid: 'moved#1', bornMs: Date.now(), claims: [place(10)], mode: 'reserve', expiry: undefined } as const
    // Not all keys of a team are there at all times, and a cluster takes a missing one for one that is still to come.
    await t.rejects(store.reserve(claim), { name: 'StoreUnavailable', code: /^(ASK|TRYAGAIN)$/ })
    for (const node of [to, from]) await node?.command('CLUSTER', 'SETSLOT', slot, 'NODE', await idOf(to))
    t.match(await store.reserve(claim), { status: 'granted', repeated: false, version: 2 })
  })

  await t.test('fails fast for the teams of a node that is gone, and for no others', async (t) => {
    const teamOf = async (isThere: boolean): Promise<string> => {
      for (let index = 0; index < 300; index++) {
        const held = await cluster.nodes[0]?.command('HLEN', teamKeys(`team-${index}`).state).then(() => true, () => false)
        if (held === isThere) return `team-${index}`
      }
      throw new Error('all teams are on the same node')
    }
    const [gone, there] = [await teamOf(true), await teamOf(false)]
    cluster.nodes[0]?.kill('SIGKILL')
    await t.rejects(store.renew({ team: gone, rids: [] }), { name: 'StoreUnavailable' })
    t.match(await store.renew({ team: there, rids: [] }), { swept: 0 })
  })
})
