import { once } from 'node:events'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { ConfigError } from '../../src/config/problems.ts'
import { loadConfig } from '../../src/config/load.ts'
import { launch, run } from '../cli/process.ts'
import { reasonToSkipRedis, startRedis, until } from '../support/redis.ts'
import { startCollector } from '../support/collector.ts'
import { PATHS, SIDES } from '../support/scene.ts'
import { BEHAVIOURS, startEchoUpstream } from './canary/echo-upstream.ts'
import { MARK, canary, found } from './canary/marks.ts'
import { HEADERS, bodyOf, chat, send } from './canary/requests.ts'
import { contentsOf } from './canary/redis-contents.ts'
import type { Asking } from './canary/requests.ts'
import type { EchoUpstream } from './canary/echo-upstream.ts'
import type { Kept } from './canary/marks.ts'
import type { Launched } from '../cli/process.ts'

// Whole processes, hundreds of requests, and a machine that may be busy with other suites.
t.setTimeout(180_000)

const BOOTSTRAP_KEY = canary('bootstrap-key-that-is-long')
const UPSTREAM_KEYS = [canary('upstream-key-one'), canary('upstream-key-two')]
const ADMIN_TOKEN = canary('admin-token-of-more-than-32-characters')
const SECRET = canary('master-secret-of-more-than-32-characters')
const PREVIOUS_SECRET = canary('previous-secret-of-more-than-32-characters')

function yamlFor ({ origin }: EchoUpstream): string {
  const upstream = (side: string): string => `
  - name: up-${side}
    protocol: ${side}
    base_url: ${origin}${side === 'dashscope' ? '/api/v1' : '/v1'}
    keys: [${UPSTREAM_KEYS.join(', ')}]
    builtin_models: false`
  const model = (side: string): string => `
  - { name: to-${side}, context_tokens: 131072, output_tokens_max: 8192, price: { currency: CNY, input_per_1k: 0.002, output_per_1k: 0.006 }, targets: [{ upstream: up-${side}, model: m }] }`
  return `upstreams:${SIDES.map(upstream).join('')}\nmodels:${SIDES.map(model).join('')}\n`
}

interface Running {
  readonly gateway: Launched
  readonly url: string
  readonly adminUrl: string
  readonly folder: string
  readonly upstream: EchoUpstream
}

async function startGateway (t: Test, environment: Readonly<Record<string, string>>): Promise<Running> {
  const upstream = await startEchoUpstream(t)
  const folder = t.testdir({ 'dashgate.yaml': yamlFor(upstream) })
  const gateway = launch(['start', '--port', '0', '--admin-port', '0', '--json'], {
    folder, environment: { LOG_LEVEL: 'trace', DASHGATE_BOOTSTRAP_KEY: BOOTSTRAP_KEY, DASHGATE_SECRET_PREVIOUS: PREVIOUS_SECRET, ...environment }
  })
  t.teardown(() => gateway.process.kill())
  const facts = JSON.parse(await gateway.line(/"openai_base_url"/))
  return { gateway, folder, upstream, url: new URL(facts.openai_base_url).origin, adminUrl: facts.admin_url }
}

const WAYS: readonly Asking[] = SIDES.flatMap((surface) => SIDES.flatMap((side) => [false, true].map((stream) => ({ surface, stream, model: `to-${side}` }))))

/** Every way an upstream can end a request, and every way a client can begin one wrongly. */
async function askInEveryWay (t: Test, { url, upstream }: Running, key = BOOTSTRAP_KEY): Promise<void> {
  for (const way of WAYS) {
    for (const behaviour of BEHAVIOURS) {
      upstream.behave(behaviour)
      const { status, text } = await chat(url, key, way)
      if (behaviour === 'answers') t.match([status, text], [200, canary('prompt')], `${JSON.stringify(way)} is answered with the prompt`)
    }
    upstream.behave(way.stream ? 'stalls' : 'answers')
    await chat(url, key, way, { leaves: true })
  }
  upstream.behave('answers')
}

async function askWrongly (t: Test, { url }: Running): Promise<void> {
  const wrong = canary('wrong-client-key')
  const keyed = { ...HEADERS, 'content-type': 'application/json', authorization: `Bearer ${BOOTSTRAP_KEY}` }
  for (const surface of SIDES) {
    const whole = JSON.stringify(bodyOf({ surface, stream: false, model: 'to-openai' }))
    const faults: ReadonlyArray<readonly [number, Record<string, string>, string]> = [
      [401, { ...keyed, authorization: `Bearer ${wrong}` }, whole],
      [401, { ...keyed, authorization: `Basic ${Buffer.from(`u:${wrong}`).toString('base64')}` }, whole],
      [401, { 'content-type': 'application/json', 'x-api-key': wrong }, whole],
      [401, { 'content-type': 'application/json', 'api-key': wrong }, whole],
      [415, { ...keyed, 'content-type': `text/${MARK}` }, whole],
      [400, keyed, `{"model":"${canary('cut')}`],
      [400, keyed, `{"${canary('twice')}":1,"model":"m","model":"${canary('again')}"}`],
      [400, keyed, JSON.stringify({ ...bodyOf({ surface, stream: false, model: 'to-openai' }), messages: canary('no-list'), input: canary('no-object'), temperature: canary('no-number') })],
      [404, keyed, JSON.stringify(bodyOf({ surface, stream: false, model: canary('model') }))],
      [400, { ...keyed, 'x-dashscope-workspace': `${canary('workspace')}, x` }, whole]
    ]
    for (const [status, headers, body] of faults) {
      const reply = await send({ url, path: PATHS[surface], headers, body })
      if (status !== 400) t.equal(reply.status, status, body.slice(0, 60))
    }
    // A picture, and an address that is refused.
    const message = { role: 'user', content: surface === 'openai' ? [{ type: 'image_url', image_url: { url: `https://example.com/${canary('picture')}.png` } }] : [{ image: `https://example.com/${canary('picture')}.png` }] }
    const messages = [message]
    await send({ url, path: PATHS[surface], headers: keyed, body: JSON.stringify(surface === 'openai' ? { model: 'to-openai', messages } : { model: 'to-openai', input: { messages } }) })
  }
  await send({ url, path: `/v1/${canary('no-route')}`, headers: keyed, body: '{}' })
  for (const path of [`/v1/models/${canary('model')}`, `/dashgate/v1/requests/${canary('request')}`, `/dashgate/v1/limits?x=${canary('query')}`]) {
    await (await fetch(url + path, { headers: { authorization: `Bearer ${BOOTSTRAP_KEY}` } })).text()
  }
}

async function administer ({ adminUrl }: Running, token: string): Promise<readonly string[]> {
  const admin = async (method: string, path: string, body?: object, bearer = token): Promise<any> => {
    const response = await fetch(`${adminUrl}/admin/v1${path}`, {
      method, headers: { authorization: `Bearer ${bearer}`, 'x-unknown': canary('admin-header'), ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const text = await response.text()
    return text === '' ? undefined : JSON.parse(text)
  }
  await admin('GET', '/teams', undefined, canary('wrong-admin-token'))
  await admin('POST', '/teams', { id: 'limited', requests_per_minute: 1, budgets: [{ id: 'money', unit: 'CNY', period: 'day', amount: 100 }] })
  const { secret } = await admin('POST', '/teams/limited/keys', {})
  await admin('POST', '/teams', { id: canary('team').toUpperCase(), [canary('field')]: 1 })
  await admin('GET', `/teams/${canary('team-path')}?q=${canary('query')}`)
  await admin('POST', '/upstreams/up-openai/keys', { key: canary('stored-upstream-key'), workspace: 'ws' })
  await admin('POST', '/upstreams/up-openai/keys', { key: `${canary('bad')} key`, [canary('member')]: canary('value') })
  await admin('POST', '/config/check', { yaml: `upstreams: [{ name: x, keys: [${canary('checked')}, ${MARK}] }]` })
  await admin('PATCH', '/teams/limited', { [canary('field')]: canary('value') })
  const { token: second } = await admin('POST', '/tokens', { role: 'viewer', name: 'reader' })
  await admin('DELETE', '/teams/limited', undefined, second)
  const { secret: rotated } = await admin('POST', `/keys/${secret.split('-')[2] ?? ''}/rotate`, { grace_seconds: 3600 })
  for (const path of ['/audit', '/config', '/upstreams', '/requests', '/usage', '/tokens']) await admin('GET', path)
  await admin('POST', '/explain', { key: canary('explained'), model: canary('model') })
  return [secret, second, rotated].flatMap((text) => [text, text.split('-').at(-1) ?? ''])
}

const BAD_CONFIGS: readonly string[] = [
  `upstreams: [{ name: x, protocol: openai, base_url: "http://127.0.0.1/v1", keys: [${MARK} with spaces] }]`,
  `upstreams: [{ name: x, protocol: ${MARK}, base_url: "${MARK}", keys: [{ key: "${MARK}", weight: "${MARK}" }] }]`,
  `secrets: { admin_token: ${MARK} }`,
  `secrets: { admin_token: { ${MARK}: 1 } }`,
  `secrets:\n  admin_token: "${MARK}\n  bootstrap_key: '${MARK}`,
  `upstreams:\n  - keys: [${MARK}\n  name: x`,
  `store: { redis_url: "http://:${MARK}@127.0.0.1" }`,
  `a: &a [${MARK}]\nupstreams: *${MARK}`,
  `upstreams: !!${MARK} [1]`,
  `log_level: ${MARK}`,
  `models: [{ name: m, price: { currency: ${MARK} } }]`,
  'upstreams: [{ name: x, protocol: openai, base_url: "http://127.0.0.1/v1", keys: ["${NOT_SET:?set it}"] }]', // eslint-disable-line no-template-curly-in-string
  `upstreams: [{ name: x, protocol: openai, base_url: "http://user:${MARK}@127.0.0.1/v1", keys: [k] }]`,
  `${MARK}`
]

async function reloadBadly ({ gateway, folder, upstream }: Running): Promise<void> {
  for (const [place, bad] of BAD_CONFIGS.entries()) {
    writeFileSync(join(folder, 'dashgate.yaml'), bad)
    gateway.process.kill('SIGHUP')
    await until('the bad file has been read', async () => gateway.output.stdout.split('"msg":"the configuration').length > place + 1)
  }
  writeFileSync(join(folder, 'dashgate.yaml'), yamlFor(upstream))
}

/** What the gateway leaves behind when it has ended, but for its configuration and the three files meant for secrets. */
function leftIn (folder: string, allowed: readonly string[] = []): Kept[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'dashgate.yaml' && !allowed.includes(entry.name))
    .map((entry) => ({ place: entry.name, text: readFileSync(join(entry.parentPath, entry.name), 'latin1') }))
}

async function exposed ({ gateway, url, adminUrl }: Running): Promise<Kept[]> {
  const pages = [`${adminUrl}/metrics`, `${adminUrl}/readyz`, `${url}/livez`]
  const texts = await Promise.all(pages.map(async (page) => ({ place: page, text: await (await fetch(page)).text() })))
  return [...texts, { place: 'stdout', text: gateway.output.stdout }, { place: 'stderr', text: gateway.output.stderr }]
}

function linesOf ({ output }: Launched): number {
  return output.stdout.split('\n').filter((line) => line.includes('"requestId"')).length
}

t.test('with a store of its own, no secret and no word of a prompt is kept or shown anywhere', async (t) => {
  const collector = await startCollector(t)
  const running = await startGateway(t, {
    DASHGATE_ADMIN_TOKEN: ADMIN_TOKEN,
    DASHGATE_SECRET: SECRET,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${canary('collector-token')}`
  })
  await askInEveryWay(t, running)
  await askWrongly(t, running)
  const keys = await administer(running, ADMIN_TOKEN)
  for (const way of WAYS) await chat(running.url, keys[0] ?? '', way)
  const asked = WAYS.length * (BEHAVIOURS.length + 2)
  await until('every request has its line', async () => linesOf(running.gateway) >= asked)
  await reloadBadly(running)
  const kept = await exposed(running)
  const [code] = await Promise.all([running.gateway.stop('SIGTERM'), once(running.gateway.process, 'close')])
  t.equal(code, 0)
  const spans = collector.received.map((text, place) => ({ place: `spans ${place}`, text: text.slice(text.indexOf('\n{"resourceSpans')) }))
  const left = leftIn(running.folder)
  const everything = [...kept, { place: 'stdout', text: running.gateway.output.stdout }, { place: 'stderr', text: running.gateway.output.stderr }, ...spans, ...left]

  t.ok(running.upstream.received.some((said) => said.includes(canary('tool-arguments')) && said.includes(UPSTREAM_KEYS[0] ?? '?')), 'the upstream has seen them')
  t.ok(left.some(({ place, text }) => place.endsWith('.db') && text.includes('limited')), 'there is a database to be searched')
  t.ok(spans.some(({ text }) => text.includes('chat m')), 'there are spans')
  t.same(found(everything, [MARK, ...keys]), [])

  writeFileSync(join(running.folder, 'data', 'control'), `x${Buffer.from(`..${canary('control')}..`).toString('base64')}x`)
  t.equal(found(leftIn(running.folder), [MARK]).length, 1, 'the search would find one')
})

t.test('the secrets it makes itself are in their three files alone', async (t) => {
  const running = await startGateway(t, { DASHGATE_BOOTSTRAP_KEY: '', DASHGATE_SECRET_PREVIOUS: '' })
  const secretsIn = Object.fromEntries(['first-key', 'admin-token', 'secret'].map((name) => [name, readFileSync(join(running.folder, 'data', name), 'utf8').trim()]))
  const { 'first-key': key = '', 'admin-token': token = '', secret = '' } = secretsIn
  const keys = await administer(running, token)
  for (const way of WAYS) await chat(running.url, key, way)
  await until('every request has its line', async () => linesOf(running.gateway) >= WAYS.length)
  const shown = await exposed(running)
  await running.gateway.stop('SIGTERM')
  // The start tells its first key, once, for the first request.
  const told = shown.map(({ place, text }) => ({ place, text: place === 'stdout' ? text.replace(`"api_key":"${key}"`, '') : text }))
  t.same(found([...told, ...leftIn(running.folder, ['first-key', 'admin-token', 'secret'])], [MARK, key, token, secret, ...keys]), [])
  t.match(found(leftIn(running.folder), [key, token, secret]).length, 3, 'the search would find them')
})

t.test('with Redis, whether it is there or away', { skip: await reasonToSkipRedis() }, async (t) => {
  const password = canary('redis-password')
  const redis = await startRedis('--requirepass', password)
  t.teardown(() => redis.stop())
  const collector = await startCollector(t)
  const running = await startGateway(t, {
    DASHGATE_ADMIN_TOKEN: ADMIN_TOKEN,
    DASHGATE_SECRET: SECRET,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    REDIS_URL: redis.url.replace('//', `//:${password}@`)
  })
  await until('it is ready', async () => (await fetch(`${running.url}/readyz`)).status === 200)
  await askInEveryWay(t, running)
  const keys = await administer(running, ADMIN_TOKEN)
  for (const way of WAYS) await chat(running.url, keys[0] ?? '', way)
  await until('every request has its line', async () => linesOf(running.gateway) >= WAYS.length * (BEHAVIOURS.length + 2))
  await redis.command('AUTH', password)
  const inRedis = await contentsOf(redis)
  redis.kill('SIGSTOP')
  for (const way of WAYS) await chat(running.url, BOOTSTRAP_KEY, way)
  for (const way of WAYS) await chat(running.url, keys[0] ?? '', way)
  const shown = await exposed(running)
  running.gateway.process.kill('SIGTERM')
  const files = leftIn(running.folder)
  redis.kill('SIGCONT')
  await once(running.gateway.process, 'close')
  const spans = collector.received.map((text, place) => ({ place: `spans ${place}`, text }))
  const everything = [...shown, { place: 'stdout', text: running.gateway.output.stdout }, ...spans, ...files, ...leftIn(running.folder), ...inRedis, ...await contentsOf(redis)]
  t.ok(inRedis.some(({ text }) => text.includes('to-openai')), 'Redis has records to be searched')
  t.ok(files.some(({ place }) => place.includes('spool')), 'and there is a spool')
  t.same(found(everything, [MARK, ...keys]), [])
  await redis.command('SET', 'control', canary('control'))
  t.equal(found(await contentsOf(redis), [MARK]).length, 1, 'the search would find one')
})

t.test('a start that is refused repeats nothing either, and says where', async (t) => {
  for (const text of BAD_CONFIGS) {
    const error = t.throws(() => loadConfig({ flags: {}, environment: { DASHGATE_CONFIG: 'c.yaml' }, readFile: () => text }), ConfigError) as unknown as ConfigError
    t.ok(error.problems.every(({ line, column }) => line !== undefined && column !== undefined))
    t.same(found([{ place: text, text: `${error.message} ${JSON.stringify(error.problems)}` }], [MARK]), [])
  }
  const { code, stdout, stderr } = await run(['start', '--port', '0', '--admin-port', '0'], { folder: t.testdir({ 'dashgate.yaml': BAD_CONFIGS[1] ?? '' }) })
  t.match([code, stderr], [2, /dashgate\.yaml:1:\d+ upstreams\[0\]/])
  t.same(found([{ place: 'stdout', text: stdout }, { place: 'stderr', text: stderr }], [MARK]), [])
})
