import type { Test } from 'tap'
import { SECRET, startReplicas } from './scene.ts'
import { startLoad } from './load.ts'
import { verifyChain } from '../../../src/accounts/audit.ts'
import { wholeLog } from '../../store/audit-contract.ts'
import { connect } from '../../store/redis/open-store.ts'
import { createRedisAccounts } from '../../../src/store/redis/accounts.ts'
import { upstreamsOf } from './upstreams.ts'
import type { Replicas } from './scene.ts'
import type { RunningServer } from '../../../src/server.ts'

export interface Rotations {
  readonly count: number
  /** Between one rotation and the next. */
  readonly requestsBetween: number
  readonly graceMs: number
  readonly requestsPerSecond?: number
}

const GATEWAYS = 2
const WORKERS = 16
/** Short, because it is waited for. */
const LAST_GRACE_MS = 1_000
/** Of one server, until a secret is dead. */
const ASKED_MAX = 10_000

/**
 * A key gets another secret again and again while it is used at two gateways. Some of its users take each new secret at once,
 * and some only when a third of the grace is over: nobody may be refused.
 */
export async function rotateUnderLoad (t: Test, { count, requestsBetween, graceMs, requestsPerSecond }: Rotations): Promise<void> {
  const replicas = await startReplicas(t, { count: GATEWAYS, upstreams: upstreamsOf(['sk-upstream-key-of-the-tests']) })
  const { directory, servers } = replicas
  const made = await replicas.team('search')
  const secrets = [made.secret]
  let [key, rotatedMs] = [made.key, -Infinity]
  const load = startLoad({
    workers: WORKERS,
    requestsPerSecond,
    ask: (worker) => {
      const isLate = worker % 4 === 0 && performance.now() - rotatedMs < graceMs / 3
      return replicas.ask(servers[worker % GATEWAYS] as RunningServer, secrets.at(isLate ? -2 : -1) as string)
    }
  })
  for (let rotation = 0; rotation < count; rotation++) {
    await load.more(requestsBetween)
    const { secret, digest } = replicas.newSecret(key.id)
    key = await directory.rotateKey(key, { digest, graceMs }, undefined)
    secrets.push(secret)
    rotatedMs = performance.now()
  }
  await load.more(requestsBetween)
  await load.stop()
  t.same(load.failures, [])
  t.ok(load.answered >= count * requestsBetween, `${load.answered} requests over ${count} rotations, none refused`)
  const { secret, digest } = replicas.newSecret(key.id)
  await directory.rotateKey(key, { digest, graceMs: LAST_GRACE_MS }, undefined)
  secrets.push(secret)
  await diesAtItsTime(t, replicas, secrets)
  await isToldOnce(t, replicas, count + 1)
  const text = replicas.logLines.join('\n')
  t.notOk(secrets.some((secret) => text.includes(secret)) || text.includes(SECRET), 'no secret is in any log')
}

/** The secret before the last lives until its time by the store's clock, and not longer. */
async function diesAtItsTime (t: Test, { servers, redis, directory, ask }: Replicas, secrets: readonly string[]): Promise<void> {
  const [former] = directory.keysOf('search')[0]?.former ?? []
  const [last, before] = [secrets.at(-1), secrets.at(-2)] as [string, string]
  for (const server of servers) {
    let nowMs = 0
    let status = 200
    for (let asked = 0; status === 200 && asked < ASKED_MAX; asked++) {
      status = await ask(server, before)
      nowMs = await storeNowMs(redis)
    }
    t.equal(status, 401)
    t.ok(nowMs >= (former?.untilMs ?? Infinity), 'not before its time')
    t.equal(await ask(server, last), 200, 'and the last goes on')
  }
}

async function storeNowMs (redis: Replicas['redis']): Promise<number> {
  const [seconds, microseconds] = await redis.command('TIME') as [string, string]
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000
}

async function isToldOnce (t: Test, { redis }: Replicas, count: number): Promise<void> {
  const connection = await connect(redis.url)
  const log = await wholeLog(createRedisAccounts(connection.client))
  connection.close()
  t.equal(log.filter(({ action }) => action === 'key.rotate').length, count)
  t.ok(verifyChain(log).ok)
}
