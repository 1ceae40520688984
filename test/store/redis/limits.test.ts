import t from 'tap'
import { connect, openStore } from './open-store.ts'
import { limitContract } from '../limit-contract.ts'
import { reasonToSkipRedis, startRedis, startRedisCluster } from '../../support/redis.ts'

const skip = await reasonToSkipRedis()

t.test('one Redis', { skip }, async (t) => {
  const server = await startRedis()
  const connection = await connect(server.url)
  t.teardown(async () => {
    connection.close()
    await server.stop()
  })
  await limitContract(t, 'Redis', () => openStore(connection, [server]))
})

t.test('a cluster of three', { skip }, async (t) => {
  const cluster = await startRedisCluster()
  const connection = await connect(cluster.url)
  t.teardown(async () => {
    connection.close()
    await cluster.stop()
  })
  await limitContract(t, 'Redis Cluster', () => openStore(connection, cluster.nodes))
})
