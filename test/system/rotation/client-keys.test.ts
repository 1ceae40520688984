import t from 'tap'
import { createManualClock } from '../../support/fixed.ts'
import { reasonToSkipRedis, until } from '../../support/redis.ts'
import { rotateUnderLoad } from './client-keys.ts'
import { startReplicas } from './scene.ts'
import { upstreamsOf } from './upstreams.ts'

const skip = await reasonToSkipRedis()

t.test('a key that is rotated under load refuses nobody, and its old secret dies at its time', { skip }, async (t) => {
  await rotateUnderLoad(t, { count: 6, requestsBetween: 100, graceMs: 60_000 })
})

t.test('a key that is revoked is dead on three gateways within a second of their time', { skip }, async (t) => {
  const clocks = Array.from({ length: 3 }, () => createManualClock(Date.now()))
  const { directory, servers, team, ask } = await startReplicas(t, { count: 3, clocks, upstreams: upstreamsOf(['sk-upstream-key-of-the-tests']) })
  const { key, secret } = await team('search')
  for (const server of servers) t.equal(await ask(server, secret), 200)
  await directory.removeKey(key, undefined)
  for (const server of servers) t.equal(await ask(server, secret), 200, 'nobody has looked yet')
  for (const clock of clocks) for (let polls = 0; polls < 4; polls++) clock.advance(250)
  // From here on their time stands still, and only what was begun comes to its end.
  for (const server of servers) await until('the key is dead', async () => await ask(server, secret) === 401)
  for (const server of servers) t.equal(await ask(server, secret), 401)
})
