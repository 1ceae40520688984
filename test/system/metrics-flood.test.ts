import { METHODS, request as httpRequest } from 'node:http'
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { BUILT_IN_MODELS } from '../../src/config/models.ts'
import { ERROR_KINDS } from '../../src/core/errors.ts'
import { METRICS, PROCESS_METRICS } from '../../src/observe/metric-names.ts'
import { NO_STREAMS, PATHS, STREAMS } from '../support/scene.ts'
import { openSocket } from '../http/wire.ts'
import { startGateway } from '../support/gateway.ts'
import { startHostileUpstream } from '../fixtures/bad-inputs/hostile-upstream.ts'
import type { Gateway } from '../support/gateway.ts'
import type { HostileUpstream } from '../fixtures/bad-inputs/hostile-upstream.ts'
import type { MetricDefinition } from '../../src/observe/metric-names.ts'

t.setTimeout(180_000)

const FLOOD_PER_KIND = 250
const AT_ONCE = 16

/** So many series there can be at most, whatever anybody asks: each label has so many values. */
function seriesMax (models: number): number {
  const kinds = Object.keys(ERROR_KINDS).length
  const valuesOf: Readonly<Record<string, number>> = {
    surface: 2,
    model: models + 1,
    upstream: 2,
    outcome: 4,
    error: kinds + 1,
    status: 4,
    team: 2,
    direction: 4,
    source: 2,
    currency: 2,
    scope: 4,
    kind: 3,
    unit: 4,
    operation: 4,
    code: 18,
    state: 4,
    reason: 3,
    result: 4,
    version: 1,
    node: 1,
    gen_ai_operation_name: 1,
    gen_ai_provider_name: 2,
    gen_ai_request_model: models + 1,
    gen_ai_token_modality: 4
  }
  const own = Object.values<MetricDefinition>(METRICS).map(({ labels, buckets }) => {
    const each = buckets === undefined ? 1 : buckets.length + 3
    // How a request ended goes with its error: none if whole or cut, else one of the kinds, and by that the class of its status,
    // but that a stream which has begun is a 200 whatever becomes of it.
    const isEnded = labels.includes('outcome') && labels.includes('error')
    const free = isEnded ? labels.filter((label) => !['outcome', 'error', 'status'].includes(label)) : labels
    return free.reduce((product, label) => product * (valuesOf[label] ?? NaN), each) * (isEnded ? 2 * (kinds + 2) : 1)
  })
  return own.reduce((sum, count) => sum + count, PROCESS_METRICS.length * 20)
}

function invented (): string {
  return `m${randomBytes(6).toString('hex')}`
}

/** One request that is made up anew each time. */
type Flood = (gateway: Gateway, upstream: HostileUpstream) => Promise<void>

async function ask (gateway: Gateway, { path = PATHS.openai, method = 'POST', headers = {}, body = {} }: { path?: string, method?: string, headers?: Record<string, string>, body?: object }): Promise<void> {
  await new Promise<void>((resolve) => {
    const all = { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json', ...headers }
    const request = httpRequest(gateway.url + path, { method, headers: all }, (response) => response.resume().on('close', () => resolve()))
    request.on('error', () => resolve())
    request.end(method === 'GET' || method === 'HEAD' ? undefined : JSON.stringify(body))
  })
}

const JSON_HEADERS = { 'content-type': 'application/json' }

const FLOODS: Readonly<Record<string, Flood>> = {
  model: (gateway) => ask(gateway, { body: { ...NO_STREAMS.openai, model: invented() } }),
  'native model': (gateway) => ask(gateway, { path: PATHS.dashscope, body: { ...NO_STREAMS.dashscope, model: invented() } }),
  path: (gateway) => ask(gateway, { path: `/${invented()}/${invented()}?${invented()}=1` }),
  'model page': (gateway) => ask(gateway, { method: 'GET', path: `/v1/models/${invented()}` }),
  'request id': (gateway) => ask(gateway, { method: 'GET', path: `/dashgate/v1/requests/${invented()}`, headers: { 'x-request-id': invented() } }),
  key: (gateway) => ask(gateway, { headers: { authorization: `Bearer sk-${invented()}` } }),
  method: (gateway) => ask(gateway, { method: METHODS.filter((name) => name !== 'CONNECT')[Math.floor(Math.random() * (METHODS.length - 1))] ?? 'GET' }),
  'raw method': async (gateway) => {
    const raw = await openSocket(gateway.url)
    raw.socket.on('error', () => {})
    raw.socket.end(`${invented().toUpperCase()} /v1 HTTP/1.1\r\nHost: x\r\n\r\n`)
    await new Promise((resolve) => raw.socket.once('close', resolve))
  },
  header: (gateway) => ask(gateway, { headers: { [invented()]: invented(), 'user-agent': invented(), traceparent: invented() }, body: NO_STREAMS.openai }),
  member: (gateway) => ask(gateway, { body: { ...NO_STREAMS.openai, [invented()]: 1, user: invented(), temperature: invented() } }),
  'upstream error': async (gateway, upstream) => {
    const error = { error: { code: invented(), type: invented(), message: invented(), param: invented() } }
    upstream.answerWith({ status: 503, headers: { ...JSON_HEADERS, 'x-request-id': invented() }, body: JSON.stringify(error) })
    await ask(gateway, { body: NO_STREAMS.openai })
  },
  'upstream answer': async (gateway, upstream) => {
    const choices = [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: invented() }]
    const usage = { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10, prompt_tokens_details: { [`${invented()}_tokens`]: 1 } }
    upstream.answerWith({ headers: JSON_HEADERS, body: JSON.stringify({ id: invented(), model: invented(), choices, usage }) })
    await ask(gateway, { body: NO_STREAMS.openai })
  },
  'upstream stream': async (gateway, upstream) => {
    const chunk = { id: invented(), model: invented(), choices: [{ index: 0, delta: { content: invented() }, finish_reason: null }] }
    upstream.answerWith({ body: `data: ${JSON.stringify(chunk)}\n\ndata: ${JSON.stringify({ error: { code: invented(), message: invented() } })}\n\n` })
    await ask(gateway, { body: STREAMS.openai })
  }
}

async function seriesOf (gateway: Gateway): Promise<string[]> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.slice(0, line.lastIndexOf(' ')))
    // What kinds of garbage there were to collect is nobody's to make up.
    .filter((name) => !name.startsWith('nodejs_gc'))
}

t.test('thousands of made-up names make no series, wherever they stand', async (t) => {
  const upstream = await startHostileUpstream()
  const gateway = await startGateway({ upstreamProtocol: 'openai', upstreamOrigin: upstream.origin })
  t.teardown(async () => await Promise.all([gateway.close(), upstream.close()]))
  const flood = async (times: number): Promise<void> => {
    for (const make of Object.values(FLOODS)) {
      for (let made = 0; made < times; made += AT_ONCE) {
        await Promise.all(Array.from({ length: Math.min(AT_ONCE, times - made) }, () => make(gateway, upstream)))
      }
    }
  }
  // Every way to end, once or some times; of methods there are some that no route has and some that every server knows.
  await flood(60)
  const before = await seriesOf(gateway)
  await flood(FLOOD_PER_KIND)
  const after = await seriesOf(gateway)
  const known = new Set(before)
  t.same(after.filter((series) => !known.has(series)), [], `${Object.keys(FLOODS).length * FLOOD_PER_KIND} more requests make no series more`)
  t.notMatch(after.join('\n'), /m[0-9a-f]{12}/i)
  const most = seriesMax(BUILT_IN_MODELS.size)
  t.ok(after.length <= most, `${after.length} series, of ${most} that there can be`)
  t.ok(before.some((name) => name.includes('error="model_not_found"')) && before.some((name) => name.includes('dashgate_refused_total{error="not_found"}')), 'they have been counted')
})
