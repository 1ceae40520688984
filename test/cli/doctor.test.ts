import t from 'tap'
import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { launch, run } from './process.ts'
import { openDatabase } from '../../src/store/embedded/database.ts'
import { reasonToSkipRedis, startRedis } from '../support/redis.ts'
import { referenceTo } from '../../src/config/variables.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import type { Finished } from './process.ts'

interface Report { readonly ok: boolean, readonly warnings: number, readonly failures: number, readonly findings: readonly Finding[] }

const [GOOD, BAD] = ['sk-good-key-of-the-test', 'sk-bad-key-of-the-test']
const [GOOD_REFERENCE, BAD_REFERENCE] = [JSON.stringify(referenceTo('GOOD')), JSON.stringify(referenceTo('BAD'))]
const simulator = await startSimulator({ keys: [GOOD] })
t.teardown(() => simulator.close())

/** No gateway of anybody's is found there. */
const ENVIRONMENT = { PORT: '0', DASHGATE_ADMIN_PORT: '0', GOOD, BAD }

const upstream = (name: string, protocol: string, path: string, ...keys: string[]): string =>
  `  - { name: ${name}, protocol: ${protocol}, base_url: "${simulator.url}${path}", keys: [${keys.join(', ')}] }\n`

async function doctor (folder: string, environment: Record<string, string> = {}): Promise<Finished & { readonly report: Report }> {
  const finished = await run(['doctor', '--json'], { folder, environment: { ...ENVIRONMENT, ...environment } })
  return { ...finished, report: JSON.parse(finished.stdout) as Report }
}

function found ({ findings }: Report, check: string): string[] {
  return findings.filter((finding) => finding.check === check).map(({ level, message }) => `${level}: ${message}`)
}

t.test('a gateway that could be started has no failure, and nothing is sent that costs', async (t) => {
  const yaml = `upstreams:\n${upstream('native', 'dashscope', '/api/v1', GOOD_REFERENCE)}${upstream('compat', 'openai', '/compatible-mode/v1', GOOD_REFERENCE)}`
  const folder = t.testdir({ 'dashgate.yaml': yaml })
  const before = readdirSync(folder)
  const { code, report, stdout, stderr } = await doctor(folder)
  t.same([code, stderr, report.ok, report.failures], [0, '', true, 0], stdout)
  t.match(found(report, 'upstream'), [/^ok: native, key 1 \([0-9a-f]{12}\): the key is good$/, /^ok: compat, key 1 \([0-9a-f]{12}\): the key is good$/])
  t.match(found(report, 'config'), ['ok: ./dashgate.yaml is fine'])
  t.same([...new Set(report.findings.map(({ check }) => check))], ['node', 'config', 'data_dir', 'secrets', 'store', 'gateway', 'upstream', 'models'])
  t.same(readdirSync(folder), before, 'nothing is made')
  t.equal(simulator.billed.size, 0)
})

t.test('each key is asked for by itself, and none is ever shown', async (t) => {
  const yaml = `upstreams:\n${upstream('native', 'dashscope', '/api/v1', GOOD_REFERENCE, BAD_REFERENCE)}${upstream('compat', 'openai', '/compatible-mode/v1', `{ key: ${BAD_REFERENCE} }`)}`
  const folder = t.testdir({ 'dashgate.yaml': yaml })
  const { code, report, stdout } = await doctor(folder)
  t.equal(code, 1)
  t.match(found(report, 'upstream'), [/^ok: native, key 1 /, /^fail: native, key 2 .*does not know this key \(status 401 InvalidApiKey\)/, /^fail: compat, key 1 .*status 401 invalid_api_key/])
  const human = await run(['doctor'], { folder, environment: ENVIRONMENT })
  t.equal(human.code, 1)
  t.match(human.stdout, /^FAIL {2}upstream {2}native, key 2 \([0-9a-f]{12}\): the upstream does not know this key .*\n +→ A key works in its own region only/m)
  t.match(human.stdout, /\n2 failures, \d warnings?\.\n$/)
  for (const text of [stdout, human.stdout]) t.notMatch(text, /sk-(good|bad)/)
})

t.test('an upstream that is not there, and none at all, are told of', async (t) => {
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo
  gone.close()
  const { code, report } = await doctor(t.testdir({}), { DASHSCOPE_API_KEY: GOOD, DASHSCOPE_BASE_URL: `http://127.0.0.1:${port}/api/v1` })
  t.equal(code, 1)
  t.match(found(report, 'upstream'), [/^fail: dashscope, key 1 .*cannot be reached: ECONNREFUSED$/])
  t.match(found((await doctor(t.testdir({}))).report, 'upstream'), [/^warn: no upstream is configured, so the built-in simulator/])
})

t.test('a bad configuration ends with 2 and all that is wrong with it', async (t) => {
  const folder = t.testdir({ 'dashgate.yaml': 'log_level: loud\nserver: { prot: 1 }\n' })
  const { code, report } = await doctor(folder)
  t.same([code, report.ok], [2, false])
  t.match(found(report, 'config'), [/^fail: \.\/dashgate\.yaml:1:12 log_level: must be one of/, /^fail: \.\/dashgate\.yaml:2:11 server\.prot: is not a setting/])
  t.match(await run(['doctor', '--config', 'none.yaml'], { folder, environment: ENVIRONMENT }), { code: 2, stdout: /^FAIL {2}config {4}none\.yaml there is no such file$/m, stderr: '' })
})

t.test('files that others may read, and secrets that could be guessed, are warned of', async (t) => {
  const folder = t.testdir({ data: { 'admin-token': `${'t'.repeat(20)}\n`, 'first-key': 'x' }, 'dashgate.yaml': `secrets: { master_secret: ${'ab'.repeat(20)} }\nadmin: { host: 0.0.0.0 }\n` })
  chmodSync(join(folder, 'data'), 0o755)
  chmodSync(join(folder, 'data', 'first-key'), 0o644)
  chmodSync(join(folder, 'data', 'admin-token'), 0o600)
  chmodSync(join(folder, 'dashgate.yaml'), 0o640)
  const { code, report, stdout } = await doctor(folder)
  t.equal(code, 1)
  t.match(found(report, 'data_dir').join('\n'), /warn: other users of this machine may look into \.\/data\nwarn: other users may read first-key in \.\/data/)
  const secrets = found(report, 'secrets').join('\n')
  t.match(secrets, /fail: the admin token from data\/admin-token must have at least 32 characters/)
  t.match(secrets, /fail: the master secret from the configuration has fewer than 8 different characters/)
  t.match(secrets, /warn: \.\/dashgate\.yaml holds secrets, and others may read it/)
  t.match(secrets, /warn: the admin listener on 0\.0\.0\.0 is open to other machines/)
  t.notMatch(stdout, 'abab')
})

t.test('a data folder that is a file fails', async (t) => {
  const { code, report } = await doctor(t.testdir({ data: 'a file' }))
  t.equal(code, 1)
  t.match(found(report, 'data_dir'), [/^fail: \.\/data is no folder/])
})

t.test('the database of a running gateway is in use, which is fine, and its listeners are ready', async (t) => {
  const folder = t.testdir({})
  const gateway = launch(['start', '--port', '0', '--admin-port', '0', '--json'], { folder })
  t.teardown(() => gateway.process.kill())
  const facts = JSON.parse(await gateway.line(/"openai_base_url"/)) as { openai_base_url: string, admin_url: string }
  const ports = { PORT: new URL(facts.openai_base_url).port, DASHGATE_ADMIN_PORT: new URL(facts.admin_url).port }
  const { code, report } = await doctor(folder, ports)
  t.equal(code, 0)
  t.match(found(report, 'store'), [/^ok: the embedded store is in use by a running gateway/])
  t.same(found(report, 'gateway'), [`ok: the gateway on port ${ports.PORT} is ready`, `ok: the admin listener on port ${ports.DASHGATE_ADMIN_PORT} is ready`])
  t.match(found(report, 'data_dir'), [/^ok: \.\/data is there and can be written/, /^ok: nobody else may read/, /^ok: /])
  t.equal(await gateway.stop('SIGTERM'), 0)
  const after = await doctor(folder, ports)
  t.match(found(after.report, 'store'), [/^ok: the embedded store can be opened/])
  t.same(found(after.report, 'gateway'), [`ok: the gateway is not running on port ${ports.PORT}`, `ok: the admin listener is not running on port ${ports.DASHGATE_ADMIN_PORT}`])
})

t.test('looking at a database leaves it as it was', async (t) => {
  const folder = t.testdir({ data: {} })
  openDatabase(join(folder, 'data')).close()
  const before = readdirSync(join(folder, 'data'))
  t.match(found((await doctor(folder)).report, 'store'), [/^ok: the embedded store can be opened/])
  t.same(readdirSync(join(folder, 'data')), before)
  writeFileSync(join(folder, 'data', 'dashgate.db'), 'no database at all, but long enough to be looked at'.repeat(100))
  const { code, report } = await doctor(folder)
  t.equal(code, 1)
  t.match(found(report, 'store'), [/^fail: the database in \.\/data cannot be read: file is not a database/])
})

t.test('what is no gateway on its port fails', async (t) => {
  const other = createServer((_request, response) => { response.end('<html>') }).listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => { other.close() })
  const { port } = other.address() as AddressInfo
  const { code, report } = await doctor(t.testdir({}), { PORT: String(port) })
  t.equal(code, 1)
  t.match(found(report, 'gateway'), [new RegExp(`^fail: what answers on port ${port}, with status 200, is no dashgate`), /^ok: the admin listener takes any free port/])
})

t.test('a Redis is looked at from all sides', { skip: await reasonToSkipRedis() }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const secret = 'A-long-and-random-master-secret-1234567890'
  const environment = { REDIS_URL: redis.url, DASHGATE_SECRET: secret }
  const folder = t.testdir({})
  const { code, report, stdout } = await doctor(folder, environment)
  t.equal(code, 0, stdout)
  t.match(found(report, 'store'), [/^ok: (Redis|Valkey) \d+\.\d+\.\d+ is reached$/, /^warn: appendonly is off/, /^ok: its clock agrees/, /: an answer takes /])
  t.match(found(report, 'secrets').join('\n'), /the master secret's fingerprint is [0-9a-f]{8}: it must be the same on every gateway/)
  t.notMatch(stdout, secret)
  await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  await redis.command('CONFIG', 'SET', 'appendonly', 'yes')
  const worse = await doctor(folder, environment)
  t.equal(worse.code, 1)
  t.match(found(worse.report, 'store').join('\n'), /fail: maxmemory-policy is allkeys-lru and must be noeviction[^]*ok: appendonly is on/)
  await redis.stop()
  const away = await doctor(folder, environment)
  t.equal(away.code, 1)
  t.match(found(away.report, 'store'), ['fail: Redis cannot be reached (ECONNREFUSED)'])
})
