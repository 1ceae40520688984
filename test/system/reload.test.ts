import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { NO_STREAMS, PATHS, SIDES, SSE, STREAMS } from '../support/scene.ts'
import { eventsOf } from '../support/sse.ts'
import { launch } from '../cli/process.ts'
import { post } from '../support/http.ts'
import { problemText } from '../../src/config/problems.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { until } from '../support/redis.ts'
import { BROKEN, KEY } from './reload/broken-configs.ts'
import { startHeldUpstream } from './reload/held-upstream.ts'
import type { HeldUpstream } from './reload/held-upstream.ts'
import type { Launched } from '../cli/process.ts'
import type { Problem } from '../../src/config/problems.ts'
import type { Reply } from '../support/http.ts'
import type { Side } from '../support/scene.ts'

t.setTimeout(600_000)

const CLIENT_KEY = 'sk-of-a-client-of-the-reload-test'
/** As many reloads that are applied as there are ways to be bad, twice. */
const ROUNDS = BROKEN.length * 2

interface World {
  readonly gateway: Launched
  readonly url: string
  readonly adminUrl: string
  readonly folder: string
  /** Puts another configuration in place: by a signal, or as Kubernetes does, by another link. */
  place (text: string, way: 'signal' | 'file'): void
}

interface Config {
  readonly simulatorUrl: string
  readonly held: HeldUpstream
  /** In nano of a yuan for each token. */
  readonly price: number
  /** So many models more, which tells one configuration from another. */
  readonly more: number
  readonly removable: HeldUpstream | undefined
}

/** Models are priced by the token, at `price` for input and twice that for output. */
function yamlFor ({ simulatorUrl, held, price, more, removable }: Config): string {
  const cost = `price: { currency: CNY, input_per_1k: ${price / 1e6}, output_per_1k: ${price * 2 / 1e6} }`
  const model = (name: string, upstream: string): string =>
    `  - { name: ${name}, context_tokens: 131072, output_tokens_max: 8192, ${cost}, targets: [{ upstream: ${upstream}, model: qwen-coder-turbo }] }`
  const upstream = (name: string, { protocol, baseUrl }: { protocol: Side, baseUrl: string }): string =>
    `  - name: ${name}\n    protocol: ${protocol}\n    base_url: ${baseUrl}\n    keys: [${KEY}]\n    builtin_models: false\n    timeouts: { connect: 5s, first_byte: 60s, idle: 900s, total: 80m }`
  return [
    'upstreams:',
    upstream('steady', { protocol: 'dashscope', baseUrl: `${simulatorUrl}/api/v1` }),
    upstream('held-up', { protocol: 'openai', baseUrl: held.baseUrl }),
    ...(removable === undefined ? [] : [upstream('removable', { protocol: 'openai', baseUrl: removable.baseUrl })]),
    'models:',
    model('steady', 'steady'),
    model('held', 'held-up'),
    ...(removable === undefined ? [] : [model('removable', 'removable')]),
    ...Array.from({ length: more }, (_, place) => model(`more-${place}`, 'steady')),
    ''
  ].join('\n')
}

async function start (t: Test, text: string): Promise<World> {
  const folder = t.testdir({ real: {} })
  const target = join(folder, 'real', 'first.yaml')
  const link = join(folder, 'etc', 'dashgate.yaml')
  mkdirSync(join(folder, 'etc'))
  writeFileSync(target, text)
  symlinkSync(target, link)
  const gateway = launch(['start', '--port', '0', '--admin-port', '0', '--json', '--config', link], {
    folder, environment: { DASHGATE_BOOTSTRAP_KEY: CLIENT_KEY, LOG_LEVEL: 'debug' }
  })
  t.teardown(() => gateway.process.kill())
  const facts = JSON.parse(await gateway.line(/"openai_base_url"/))
  let current = target
  let files = 0
  return {
    gateway,
    folder,
    url: new URL(facts.openai_base_url).origin,
    adminUrl: facts.admin_url,
    place (next, way) {
      const file = join(folder, 'real', `${++files}.yaml`)
      writeFileSync(file, next)
      if (way === 'signal') {
        // Nobody watches the folder that the link leads to.
        renameSync(file, current)
        gateway.process.kill('SIGHUP')
      } else {
        symlinkSync(file, `${link}.new`)
        renameSync(`${link}.new`, link)
        current = file
      }
    }
  }
}

function logOf ({ output }: Launched): any[] {
  return output.stdout.split('\n').filter((line) => line.startsWith('{"level"')).map((line) => JSON.parse(line))
}

const applied = ({ msg }: any): boolean => msg === 'the configuration is reloaded'
const kept = ({ msg }: any): boolean => String(msg).startsWith('the configuration is bad; the one before stays')

function ask ({ url }: Pick<World, 'url'>, surface: Side, { stream, model }: { readonly stream: boolean, readonly model: string }): Promise<Reply> {
  const body = { ...(stream ? STREAMS : NO_STREAMS)[surface], model }
  return post({ url, apiKey: CLIENT_KEY }, PATHS[surface], body, stream && surface === 'dashscope' ? SSE : {})
}

function isWhole (reply: Reply, surface: Side, stream: boolean): boolean {
  if (reply.status !== 200) return false
  if (!stream) return surface === 'openai' ? reply.json.choices[0].finish_reason === 'stop' : reply.json.output.choices[0].finish_reason === 'stop'
  const data = eventsOf(reply.text).map((event) => event.data ?? '')
  return surface === 'openai' ? data.at(-1) === '[DONE]' : /"finish_reason":"stop"/.test(data.at(-1) ?? '')
}

interface Load { readonly failures: string[], readonly count: number, stop (): Promise<void> }

/** Requests of every kind, one after the other and four at a time, for as long as it takes. */
function startLoad (world: World): Load {
  const failures: string[] = []
  let count = 0
  const state = { isOver: false }
  const workers = SIDES.flatMap((surface) => [false, true].map(async (stream) => {
    while (!state.isOver) {
      const reply = await ask(world, surface, { stream, model: 'steady' })
      count++
      if (!isWhole(reply, surface, stream)) failures.push(`${surface} ${reply.status} ${reply.text.slice(0, 200)}`)
    }
  }))
  return {
    failures,
    get count () { return count },
    async stop () {
      state.isOver = true
      await Promise.all(workers)
    }
  }
}

async function chargeOf ({ url }: World, reply: Reply): Promise<any> {
  let record: any
  await until('the request is recorded', async () => {
    const response = await fetch(`${url}/dashgate/v1/requests/${reply.headers.get('x-request-id')}`, { headers: { authorization: `Bearer ${CLIENT_KEY}` } })
    record = await response.json()
    return response.status === 200
  })
  return record
}

function costAt (price: number, { usage }: any): number {
  return usage.input_tokens * price + usage.output_tokens * price * 2
}

async function metric ({ adminUrl }: World, series: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text()
  return Number(text.split('\n').find((line) => line.startsWith(`${series} `))?.slice(series.length) ?? NaN)
}

t.test(`${ROUNDS * 2} reloads, half of them bad, under load: no request fails and no bad one is taken`, async (t) => {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const [held, removable] = [await startHeldUpstream(t), await startHeldUpstream(t)]
  const configOf = (round: number, others: Partial<Config> = {}): Config =>
    ({ simulatorUrl: simulator.url, held, price: 1_000 + round, more: round, removable: undefined, ...others })
  const world = await start(t, yamlFor(configOf(0, { removable })))
  const { gateway } = world
  const load = startLoad(world)
  const reached = async (what: string, count: number): Promise<void> =>
    await until(what, async () => load.count >= count)
  await reached('there is load', 8)
  const streams = SIDES.map(async (surface) => await ask(world, surface, { stream: true, model: 'held' }))
  await until('streams are under way', async () => held.waiting === SIDES.length)

  for (let round = 1; round <= ROUNDS; round++) {
    const way = round % 2 === 0 ? 'signal' : 'file'
    const before = logOf(gateway)
    world.place(yamlFor(configOf(round)), way)
    await until(`configuration ${round} is applied`, async () =>
      logOf(gateway).slice(before.length).some((line) => applied(line) && line.models === round + 2))
    const reply = await ask(world, 'openai', { stream: false, model: `more-${round - 1}` })
    const record = await chargeOf(world, reply)
    t.equal(record.cost_nano, costAt(1_000 + round, record), `${round}: the new price is charged from then on`)

    const { what, text, says } = BROKEN[(round - 1) % BROKEN.length] as typeof BROKEN[number]
    const bad = text(yamlFor(configOf(round)))
    t.not(bad, yamlFor(configOf(round)))
    const good = logOf(gateway)
    world.place(bad, way)
    await until(`${what} is refused`, async () => logOf(gateway).slice(good.length).some(kept))
    const line = logOf(gateway).slice(good.length).find(kept)
    t.ok(line.problems.some((problem: Problem) => says.test(problemText(problem))), `${what}: ${JSON.stringify(line.problems)}`)
    t.ok(line.problems.every(({ line, column }: Problem) => line !== undefined && column !== undefined), 'each with its place')
    t.match(line.msg, problemText(line.problems[0]), 'which the message tells too')
    t.equal((await ask(world, 'dashscope', { stream: false, model: `more-${round - 1}` })).status, 200, `${what}: the configuration before is still there`)
  }

  held.release()
  for (const [place, stream] of streams.entries()) {
    const surface = SIDES[place] as Side
    const reply = await stream
    t.ok(isWhole(reply, surface, true), `a stream that was there before all of them has come to its end: ${reply.text.slice(-200)}`)
    const record = await chargeOf(world, reply)
    t.equal(record.cost_nano, costAt(1_000, record), 'and costs what it did when it began')
  }
  await load.stop()
  t.same(load.failures, [], `none of ${load.count} requests failed`)
  t.ok(load.count > ROUNDS, `${load.count} requests`)
  const lines = logOf(gateway)
  t.equal(await metric(world, 'dashgate_config_reloads_total{result="applied"}'), lines.filter(applied).length)
  t.equal(await metric(world, 'dashgate_config_reloads_total{result="kept"}'), lines.filter(kept).length)
  t.equal(await metric(world, 'dashgate_config_last_reload_ok'), 0)
  t.notMatch(gateway.output.stdout + gateway.output.stderr, KEY, 'what is said of a bad file has none of its secrets')
  t.equal(await gateway.stop('SIGTERM'), 0)
})

t.test('an upstream that is configured no more ends its streams, and then its connections', async (t) => {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const [held, removable] = [await startHeldUpstream(t), await startHeldUpstream(t)]
  const config = { simulatorUrl: simulator.url, held, price: 1_000, more: 0 }
  const world = await start(t, yamlFor({ ...config, removable }))
  const streams = SIDES.map(async (surface) => await ask(world, surface, { stream: true, model: 'removable' }))
  await until('streams are under way', async () => removable.waiting === SIDES.length)
  world.place(yamlFor({ ...config, price: 9_000, removable: undefined }), 'signal')
  await world.gateway.line(/the configuration is reloaded/)
  t.equal((await ask(world, 'openai', { stream: false, model: 'removable' })).status, 404)
  t.equal(removable.waiting, SIDES.length, 'its streams go on')
  removable.release()
  for (const [place, stream] of streams.entries()) t.ok(isWhole(await stream, SIDES[place] as Side, true))
  await until('its connections are closed', async () => removable.connections === 0)
  const metrics = await (await fetch(`${world.adminUrl}/metrics`)).text()
  t.notMatch(metrics, /"removable"/, 'and its series are gone')
  t.equal(await world.gateway.stop('SIGTERM'), 0)
})
