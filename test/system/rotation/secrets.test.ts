import t from 'tap'
import { reasonToSkipRedis } from '../../support/redis.ts'
import { keyDigest } from '../../../src/accounts/keys.ts'
import { startReplicas } from './scene.ts'
import { untouched, withKey, withKeyDrain } from '../../../src/accounts/upstream-changes.ts'
import { upstreamKeyId } from '../../../src/core/upstream-key.ts'
import { upstreamsOf } from './upstreams.ts'
import { verifyChain } from '../../../src/accounts/audit.ts'
import { wholeLog } from '../../store/audit-contract.ts'
import { connect } from '../../store/redis/open-store.ts'
import { createRedisAccounts } from '../../../src/store/redis/accounts.ts'
import type { Replicas } from './scene.ts'

const [OLD, NEW] = ['the-secret-of-the-gateways-of-before', 'the-secret-of-the-gateways-from-now-on']
const [CONFIGURED, STORED] = ['sk-configured-and-drained-key', 'sk-stored-key-of-these-tests']
const TEAMS = 8

t.test('the secret of all gateways is replaced, one gateway after the other, and no key is refused', { skip: await reasonToSkipRedis() }, async (t) => {
  const replicas = await startReplicas(t, { count: 2, upstreams: upstreamsOf([CONFIGURED]), secrets: { current: OLD } })
  const { directory, servers, vault, simulator, ask, restart } = replicas
  const stored = withKey(untouched('sim'), { ...vault.seal('sim', STORED), weight: 1, createdMs: 0 })
  await directory.putUpstream(withKeyDrain(stored, upstreamKeyId(CONFIGURED), true), undefined)
  const teams: Awaited<ReturnType<Replicas['team']>>[] = []
  for (let count = 0; count < TEAMS; count++) teams.push(await replicas.team(`team-${count}`))
  const refused: string[] = []

  async function everybodyAsks (when: string): Promise<void> {
    for (const [place, server] of servers.entries()) {
      for (const { secret } of teams) {
        const status = await ask(server, secret)
        if (status !== 200) refused.push(`${when}, gateway ${place}: ${status}`)
      }
    }
  }

  await everybodyAsks('before')
  const steps = [{ current: OLD, previous: NEW }, { current: NEW, previous: OLD }, { current: NEW }]
  for (const [step, secrets] of steps.entries()) {
    for (const place of servers.keys()) {
      await restart(place, secrets)
      await everybodyAsks(`step ${step + 1} at gateway ${place}`)
    }
  }
  t.same(refused, [])
  t.ok(simulator.requests.every(({ key }) => key === STORED), 'with the stored key all the time')
  await directory.catchUp()
  for (const { key, secret } of teams) t.equal(directory.key(key.id)?.digest, keyDigest(NEW, secret))
  const connection = await connect(replicas.redis.url)
  const log = await wholeLog(createRedisAccounts(connection.client))
  connection.close()
  t.ok(verifyChain(log).ok)
  const moves = log.filter(({ actor, action }) => actor === 'gateway' && /repepper|reencrypt/.test(action)).map(({ action, object }) => `${action} ${object}`)
  const keys = [...teams.map(({ key }) => key.id), 'bootstrap']
  const expected = [...keys.map((id) => `key.repepper key:${id}`), 'upstream.reencrypt upstream:sim']
  t.same(moves.toSorted(), expected.toSorted(), 'each is moved once, and the first key with them')
  for (const secret of [OLD, NEW, STORED]) t.notOk(replicas.logLines.join('\n').includes(secret))
})
