import t from 'tap'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildCatalog } from '../../src/config/catalog.ts'
import { createLogger } from '../../src/observe/logger.ts'
import { loadConfig, surroundingsOf } from '../../src/config/load.ts'
import { PROTOCOLS } from '../../src/protocols/registry.ts'
import { startServer } from '../../src/server.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { systemClock, systemIds } from '../../src/system.ts'
import { upstreamKeyId } from '../../src/core/upstream-key.ts'
import type { RunningServer } from '../../src/server.ts'

const MASTER_SECRET = 'Ww8Qz1-the-master-secret-of-this-test-5Xk'

interface Answer { readonly status: number, readonly json: any, readonly replayed: string | null }

async function ask (server: RunningServer, token: string, line: string, { body, key }: { body?: object, key?: string } = {}): Promise<Answer> {
  const [method = '', path = ''] = line.split(' ')
  const response = await fetch(`${server.adminUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...body === undefined ? {} : { 'content-type': 'application/json' }, ...key === undefined ? {} : { 'idempotency-key': key } },
    ...body === undefined ? {} : { body: JSON.stringify(body) }
  })
  const text = await response.text()
  return { status: response.status, json: text === '' ? undefined : JSON.parse(text), replayed: response.headers.get('idempotent-replayed') }
}

async function chat (server: RunningServer, key: string): Promise<number> {
  const response = await fetch(`${server.inferenceUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'qwen-coder-turbo', messages: [{ role: 'user', content: 'hi' }] })
  })
  await response.arrayBuffer()
  return response.status
}

t.test('a team, its lead and its keys over a gateway\'s life', async (t) => {
  const simulator = await startSimulator()
  const dataDir = mkdtempSync(join(tmpdir(), 'dashgate-'))
  const yaml = `store: { data_dir: ${JSON.stringify(dataDir)} }
secrets: { bootstrap_key: sk-key-of-the-admin-test }
server: { port: 0 }
admin: { port: 0 }
upstreams: [{ name: sim, protocol: dashscope, base_url: "${simulator.url}/api/v1", keys: ["\${UP_KEY}"] }]
`
  const sources = { flags: {}, environment: { DASHGATE_CONFIG: 'c.yaml', UP_KEY: 'sk-up-configured', DASHGATE_SECRET: MASTER_SECRET }, readFile: () => yaml }
  const { config } = loadConfig(sources)
  const catalog = buildCatalog(config, PROTOCOLS)
  const start = (): Promise<RunningServer> => startServer(config, catalog, {
    clock: systemClock, ids: systemIds, random: Math.random, logger: createLogger('silent'), surroundings: surroundingsOf(sources)
  })
  let server = await start()
  t.teardown(async () => {
    await server.close()
    await simulator.close()
    rmSync(dataDir, { recursive: true, force: true })
  })
  const root = readFileSync(join(dataDir, 'admin-token'), 'utf8').trim()

  t.equal((await ask(server, root, 'POST /admin/v1/teams', { body: { id: 'search' } })).status, 201)
  const { json: lead } = await ask(server, root, 'POST /admin/v1/tokens', { body: { role: 'team', team: 'search' } })
  const made = await ask(server, root, 'POST /admin/v1/teams/search/keys', { body: { name: 'CI' }, key: 'the first' })
  t.equal(await chat(server, made.json.secret), 200)
  const rotated = await ask(server, lead.token, `POST /admin/v1/keys/${made.json.id}/rotate`, { body: { grace_seconds: 0 } })
  t.same([await chat(server, made.json.secret), await chat(server, rotated.json.secret)], [401, 200], 'the lead has rotated it')
  t.equal((await ask(server, lead.token, `DELETE /admin/v1/keys/${made.json.id}`)).status, 403)

  await server.close()
  server = await start()
  const again = await ask(server, root, 'POST /admin/v1/teams/search/keys', { body: { name: 'CI' }, key: 'the first' })
  t.same([again.status, again.replayed, again.json], [201, 'true', made.json], 'a result outlives the gateway')
  t.equal(await chat(server, rotated.json.secret), 200)

  await ask(server, root, 'POST /admin/v1/upstreams/sim/drain', { body: { drained: true } })
  t.equal(await chat(server, rotated.json.secret), 503, 'nothing is sent to a drained upstream')
  await ask(server, root, 'POST /admin/v1/upstreams/sim/drain', { body: { drained: false } })
  t.equal(await chat(server, rotated.json.secret), 200)
  const added = await ask(server, root, 'POST /admin/v1/upstreams/sim/keys', { body: { key: 'sk-up-added' } })
  await ask(server, root, `POST /admin/v1/upstreams/sim/keys/${upstreamKeyId('sk-up-configured')}/drain`, { body: { drained: true } })
  t.same([added.status, await chat(server, rotated.json.secret)], [201, 200], 'the added key is used')
  t.match((await ask(server, lead.token, 'GET /admin/v1/requests')).json.data, [{ team: 'search', key_id: made.json.id }])

  const checked = await ask(server, root, 'POST /admin/v1/config/check', { body: { yaml: `${yaml}log_level: debug\n` } })
  t.same(checked.json, { problems: [], changes: [{ path: 'log_level', from: 'info', to: 'debug', restart_needed: true }] })
  const everything = JSON.stringify([(await ask(server, root, 'GET /admin/v1/config')).json, (await ask(server, root, 'GET /admin/v1/audit?limit=200')).json, (await ask(server, root, 'GET /admin/v1/upstreams')).json])
  for (const secret of [root, lead.token, made.json.secret, rotated.json.secret, MASTER_SECRET, 'sk-up-configured', 'sk-up-added', 'sk-key-of-the-admin-test']) t.notMatch(everything, secret)
  for (const file of ['dashgate.db', 'dashgate.db-wal']) {
    const bytes = readFileSync(join(dataDir, file)).toString('latin1')
    for (const secret of [lead.token, made.json.secret, rotated.json.secret, 'sk-up-added']) t.notOk(bytes.includes(secret), file)
  }
})
