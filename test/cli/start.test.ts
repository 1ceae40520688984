import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { reasonToSkip } from '../support/clients.ts'
import { launch, run } from './process.ts'
import type { Launched } from './process.ts'

interface Facts {
  readonly openai_base_url: string
  readonly dashscope_base_url: string
  readonly admin_url: string
  readonly api_key: string | null
  readonly config_file: string | null
  readonly simulated: boolean
}

const PORTS = ['--port', '0', '--admin-port', '0']
const KEY = 'sk-it\'s-the-operators-own'

const simulator = await startSimulator()
t.teardown(() => simulator.close())

/** What points the default upstream at the simulator, which speaks compatible mode. */
const ENVIRONMENT = {
  DASHSCOPE_API_KEY: 'sk-up', DASHSCOPE_BASE_URL: `${simulator.url}/compatible-mode/v1`, DASHGATE_BOOTSTRAP_KEY: KEY
}

t.test('the banner\'s curl works as it is printed', { skip: await reasonToSkip('curl') }, async (t) => {
  const gateway = started(t, PORTS, { folder: t.testdir({}), environment: ENVIRONMENT })
  await gateway.line(/^ {4}-d /)
  const banner = gateway.output.stdout
  t.match(banner, /OpenAI SDK +http:\/\/127\.0\.0\.1:\d+\/v1\n/)
  t.match(banner, /DashScope SDK +http:\/\/127\.0\.0\.1:\d+\/api\/v1\n/)
  t.match(banner, `dashscope (${ENVIRONMENT.DASHSCOPE_BASE_URL})`)
  t.notMatch(banner, /NO REAL MODEL/)
  const { stdout } = await promisify(execFile)('sh', ['-c', `exec ${banner.slice(banner.indexOf('  curl ')).split('\n\n')[0]?.trim() ?? ''} -s`], {
    env: { ...process.env, DASHGATE_BOOTSTRAP_KEY: KEY }
  })
  t.notMatch(gateway.output.stdout + gateway.output.stderr, KEY, 'a configured key is not repeated')
  t.match(JSON.parse(stdout), { object: 'chat.completion', model: 'qwen-coder-turbo' })
  t.equal(await gateway.stop('SIGTERM'), 0)
})

t.test('with nothing configured the simulator answers, and the banner says so loudly', async (t) => {
  const gateway = started(t, PORTS, { folder: t.testdir({}), environment: { DASHGATE_BOOTSTRAP_KEY: KEY } })
  await gateway.line(/^ {4}-d /)
  const banner = gateway.output.stdout
  t.match(banner, /NO REAL MODEL/)
  t.match(banner, 'DASHSCOPE_API_KEY=sk-... npm start')
  const [, baseUrl = ''] = /OpenAI SDK +(\S+)/.exec(banner) ?? []
  t.equal(await statusFor({ openai_base_url: baseUrl, api_key: KEY }, 'qwen-coder-turbo'), 200)
  t.equal(await gateway.stop('SIGTERM'), 0)
})

t.test('a key made at the first start is shown at every start, and works', { skip: await reasonToSkip('curl') }, async (t) => {
  const place = { folder: t.testdir({}), environment: {} }
  const first = started(t, [...PORTS, '--json'], place)
  const { api_key: key } = await factsOf(first)
  t.match(key, /^sk-dg-[a-z0-9]{8}-[A-Za-z0-9]{43}[0-9a-f]{8}$/)
  t.equal(await first.stop('SIGTERM'), 0)
  const again = started(t, [...PORTS, '--json'], place)
  const facts = await factsOf(again)
  t.equal(facts.api_key, key)
  t.equal(await statusFor(facts, 'qwen-coder-turbo'), 200)
  t.equal(await again.stop('SIGTERM'), 0)
})

t.test('--json gives the same to scripts, and healthcheck tells whether the server is ready', async (t) => {
  const place = { folder: t.testdir({}), environment: ENVIRONMENT }
  const gateway = started(t, [...PORTS, '--json'], place)
  const facts = await factsOf(gateway)
  t.match(facts, { config_file: null, simulated: false, api_key: null, admin_url: /^http:\/\/127/, dashscope_base_url: /\/api\/v1$/ })
  const port = new URL(facts.openai_base_url).port
  const environment = { ...ENVIRONMENT, PORT: port, HOST: '0.0.0.0' }
  t.match(await run(['healthcheck'], { ...place, environment }), { code: 0, stdout: `http://127.0.0.1:${port}/readyz is ready\n` })
  t.match(await run(['start', '--admin-port', '0', '--data-dir', 'other'], { ...place, environment: { ...environment, HOST: '' } }), { code: 1, stderr: /^error: listen EADDRINUSE/ })
  t.equal(await gateway.stop('SIGINT'), 0)
  const after = await run(['healthcheck', '--json'], { ...place, environment })
  t.equal(after.code, 1)
  t.same(JSON.parse(after.stdout), { error: `http://127.0.0.1:${port}/readyz cannot be reached` })
})

t.test('SIGHUP takes a changed file, and keeps what was where the file is bad', async (t) => {
  const folder = t.testdir({ 'dashgate.yaml': 'models: [{ name: qwen-max, aliases: [old] }]' })
  const gateway = started(t, [...PORTS, '--json'], { folder, environment: ENVIRONMENT })
  const facts = await factsOf(gateway)
  t.equal(await statusFor(facts, 'old'), 200)
  writeFileSync(join(folder, 'dashgate.yaml'), 'models: [{ name: qwen-max, aliases: [new] }]')
  gateway.process.kill('SIGHUP')
  await gateway.line(/the configuration is reloaded/)
  t.equal(await statusFor(facts, 'new'), 200)
  t.equal(await statusFor(facts, 'old'), 404)
  writeFileSync(join(folder, 'dashgate.yaml'), 'models: [{ nme: qwen-max }]')
  gateway.process.kill('SIGHUP')
  t.match(await gateway.line(/the configuration is bad/), 'models[0].nme')
  t.equal(await statusFor(facts, 'new'), 200)
  t.equal(await gateway.stop('SIGTERM'), 0)
})

t.test('a configuration that is bad ends with 2 before anything listens', async (t) => {
  const place = { folder: t.testdir({}), environment: { REDIS_URL: 'http://127.0.0.1' } }
  t.match(await run(['start', ...PORTS], place), { code: 2, stdout: '', stderr: /^environment REDIS_URL: must begin with redis:\/\// })
  t.match(await run(['start', '--port', 'x'], { folder: t.testdir({}) }), { code: 2, stderr: /^command line --port: must be a whole number/ })
})

function started (t: Tap, words: readonly string[], place: Parameters<typeof launch>[1]): Launched {
  const gateway = launch(['start', ...words], place)
  t.teardown(() => gateway.process.kill())
  return gateway
}

type Tap = Pick<typeof t, 'teardown'>

async function factsOf (gateway: Launched): Promise<Facts> {
  return JSON.parse(await gateway.line(/"openai_base_url"/)) as Facts
}

async function statusFor (facts: Pick<Facts, 'openai_base_url' | 'api_key'>, model: string): Promise<number> {
  const response = await fetch(`${facts.openai_base_url}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${facts.api_key ?? KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello.' }] })
  })
  await response.text()
  return response.status
}
