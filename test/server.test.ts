import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { buildCatalog } from '../src/config/catalog.ts'
import { createLogger } from '../src/observe/logger.ts'
import { loadConfig } from '../src/config/load.ts'
import { PROTOCOLS } from '../src/protocols/registry.ts'
import { startServer } from '../src/server.ts'
import { startSimulator } from '../src/simulator/simulator.ts'
import { systemClock, systemIds } from '../src/system.ts'
import type { RunningServer } from '../src/server.ts'
import type { Simulator } from '../src/simulator/simulator.ts'

const KEY = 'sk-key-of-the-server-tests'

async function start (dataDir: string, simulator: Simulator, { adminPort = 0 } = {}): Promise<RunningServer> {
  const yaml = `
store: { data_dir: ${JSON.stringify(dataDir)} }
secrets: { bootstrap_key: ${KEY} }
server: { port: 0, shutdown_timeout: 50ms }
admin: { port: ${adminPort} }
upstreams: [{ name: sim, protocol: dashscope, base_url: "${simulator.url}/api/v1", keys: [sk-up] }]`
  const { config } = loadConfig({ flags: {}, environment: { DASHGATE_CONFIG: 'c.yaml' }, readFile: () => yaml })
  const logger = createLogger('silent')
  return await startServer(config, buildCatalog(config, PROTOCOLS), { clock: systemClock, ids: systemIds, random: Math.random, logger })
}

/** A simulator and an empty folder, for the length of one test. */
async function scene (t: Test): Promise<{ simulator: Simulator, dataDir: string }> {
  const simulator = await startSimulator()
  const dataDir = mkdtempSync(join(tmpdir(), 'dashgate-'))
  t.teardown(async () => {
    await simulator.close()
    rmSync(dataDir, { recursive: true, force: true })
  })
  return { simulator, dataDir }
}

function chat (server: RunningServer, key: string): Promise<Response> {
  return fetch(`${server.inferenceUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'qwen-coder-turbo', messages: [{ role: 'user', content: 'hi' }], stream: true })
  })
}

t.test('a stream that outlives the shutdown is cut, and its record is written before the store closes', async (t) => {
  const { simulator, dataDir } = await scene(t)
  const server = await start(dataDir, simulator)
  simulator.enqueue('stall=3')
  const response = await chat(server, KEY)
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  await reader.read()
  await server.close()
  await t.rejects((async () => { while (!(await reader.read()).done); })(), 'the client hears that its answer was cut')

  const database = new DatabaseSync(join(dataDir, 'dashgate.db'))
  t.teardown(() => database.close())
  const rows = database.prepare('SELECT request_id, outcome, input_tokens, output_tokens FROM ledger').all()
  t.match(rows, [{ request_id: response.headers.get('x-request-id'), outcome: 'client_closed' }])
  t.equal(rows.length, 1)
  t.ok(Number(rows[0]?.['output_tokens']) > 0, 'what had been said is charged')
})

t.test('refusals outside an exchange are counted by kind, and never by what was sent', async (t) => {
  const { simulator, dataDir } = await scene(t)
  const server = await start(dataDir, simulator)
  t.teardown(() => server.close())
  t.equal((await chat(server, 'sk-wrong-wrong-wrong-wrong')).status, 401)
  t.equal((await fetch(`${server.inferenceUrl}/v1/made-up-by-a-client`)).status, 404)
  const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text()
  t.match(metrics, 'dashgate_refused_total{error="unauthenticated"} 1')
  t.match(metrics, 'dashgate_refused_total{error="not_found"} 1')
  t.notMatch(metrics, 'made-up-by-a-client')
})

t.test('a second server on the same folder is refused and the first goes on', async (t) => {
  const { simulator, dataDir } = await scene(t)
  const server = await start(dataDir, simulator)
  t.teardown(() => server.close())
  await t.rejects(start(dataDir, simulator), /in use by another/)
  const response = await chat(server, KEY)
  t.equal(response.status, 200)
  t.match(await response.text(), /\[DONE\]/)
})

t.test('a port that is taken ends the start, and nothing stays open', async (t) => {
  const { simulator, dataDir } = await scene(t)
  await t.rejects(start(dataDir, simulator, { adminPort: simulator.port }), { code: 'EADDRINUSE' })
  const server = await start(dataDir, simulator)
  t.teardown(() => server.close())
  t.equal((await chat(server, KEY)).status, 200, 'the folder was given back')
})
