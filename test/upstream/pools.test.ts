import { once } from 'node:events'
import t from 'tap'
import { createPools } from '../../src/upstream/pools.ts'
import { serve, upstreamAt } from './server.ts'

t.test('upstreams of one origin share a pool, whatever their paths', async (t) => {
  const pools = createPools()
  t.teardown(() => pools.close())
  const pool = pools.routeTo(upstreamAt('http://127.0.0.1:1/v1')).pool
  t.equal(pools.routeTo(upstreamAt('http://127.0.0.1:1/api/v1')).pool, pool)
  t.not(pools.routeTo(upstreamAt('http://127.0.0.1:2/v1')).pool, pool)
  t.not(pools.routeTo(upstreamAt('http://127.0.0.1:1/v1', 2_000)).pool, pool, 'but for how long they wait to connect')
})

t.test('connections are kept and used again', async (t) => {
  const { server, upstream } = await serve(t, (request, response) => { request.resume().on('end', () => response.end('ok')) })
  let connections = 0
  server.on('connection', () => { connections++ })
  const pools = createPools()
  t.teardown(() => pools.close())
  for (let turn = 0; turn < 3; turn++) {
    const { body } = await pools.routeTo(upstream).pool.request({ method: 'POST', path: '/', body: 'x' })
    t.equal(await body.text(), 'ok')
    // A connection is free a turn after its answer has ended.
    await new Promise<void>((resolve) => { setImmediate(resolve) })
  }
  t.equal(connections, 1)
})

t.test('a pool that is wanted no more ends its answers first, and those still wanted stay', async (t) => {
  const { promise: finish, resolve } = Promise.withResolvers<void>()
  const { upstream } = await serve(t, (_request, response) => {
    response.write('begun ')
    finish.then(() => response.end('whole'), () => undefined)
  })
  const other = upstreamAt('http://127.0.0.1:1/v1')
  const pools = createPools()
  t.teardown(() => pools.close())
  const pool = pools.routeTo(upstream).pool
  const kept = pools.routeTo(other).pool
  const { body } = await pool.request({ method: 'GET', path: '/' })
  const disconnected = once(pool, 'disconnect')
  pools.retain([other])
  t.ok(pool.closed)
  resolve()
  t.equal(await body.text(), 'begun whole')
  await disconnected
  t.equal(pools.routeTo(other).pool, kept)
  t.not(pools.routeTo(upstream).pool, pool, 'it would be made anew')
})

t.test('closing cuts what still runs', async (t) => {
  const { upstream } = await serve(t, (_request, response) => { response.write('begun') })
  const pools = createPools()
  const { body } = await pools.routeTo(upstream).pool.request({ method: 'GET', path: '/' })
  const text = body.text()
  await Promise.all([pools.close(), t.rejects(text)])
})

t.test('a base URL and a path meet with one slash between them, however the URL ends', async (t) => {
  const pools = createPools()
  t.teardown(() => pools.close())
  const joined = (path: string): string => `${pools.routeTo(upstreamAt(`http://127.0.0.1:1${path}`)).basePath}/chat`
  t.equal(joined('/v1'), '/v1/chat')
  t.equal(joined('/v1/'), '/v1/chat')
  t.equal(joined('/'), '/chat')
  t.equal(joined(''), '/chat')
  t.equal(joined('/compatible-mode/v1//'), '/compatible-mode/v1/chat')
})

t.test('a route is found once for each upstream of a catalog, and anew after another catalog came', async (t) => {
  const pools = createPools()
  t.teardown(() => pools.close())
  const upstream = upstreamAt('http://127.0.0.1:1/v1')
  const route = pools.routeTo(upstream)
  t.equal(pools.routeTo(upstream), route)
  pools.retain([])
  t.not(pools.routeTo(upstream).pool, route.pool, 'a closed pool is never handed out')
})
