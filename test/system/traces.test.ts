import t from 'tap'
import type { Test } from 'tap'
import { ATTRIBUTES } from '../../src/observe/span-names.ts'
import { NO_STREAMS, SIDES, SSE, STREAMS, PATHS, ask, sceneTo, textOf, watch } from '../support/scene.ts'
import { post } from '../support/http.ts'
import { startCollector } from '../support/collector.ts'
import type { Collector, SeenSpan } from '../support/collector.ts'
import type { GatewayOptions } from '../support/gateway.ts'
import type { Scene, Side } from '../support/scene.ts'

const PARENT = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' }
/** Two ways to the same upstream, one after the other. */
const TWICE = `models:
  - name: twice
    context_tokens: 131072
    output_tokens_max: 8192
    price: { currency: CNY, input_per_1k: 0.002, output_per_1k: 0.006 }
    targets: [{ upstream: sim, model: qwen-coder-turbo }, { upstream: sim, model: qwen-coder-turbo, priority: 1 }]`

interface Traced extends Scene { readonly collector: Collector }

/** A gateway that sends its traces to a collector of its own, as its environment says. */
async function tracedScene (
  t: Test, side: Side, { environment = {}, ...options }: Partial<GatewayOptions> & { environment?: Record<string, string> } = {}
): Promise<Traced> {
  const collector = await startCollector(t)
  const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...environment }
  Object.assign(process.env, variables)
  const scene = await sceneTo(t, side, { yaml: TWICE, ...options }).finally(() => {
    for (const name of Object.keys(variables)) Reflect.deleteProperty(process.env, name)
  })
  return { ...scene, collector }
}

interface Seen { readonly server: SeenSpan, readonly clients: readonly SeenSpan[] }

/** The one exchange that was traced; closing the gateway has sent it. */
function only (t: Test, { spans }: Collector): Seen {
  const [server, ...others] = spans.filter(({ kind }) => kind === 'server')
  if (server === undefined) throw new Error(`there is no server span among ${spans.length}`)
  t.same(others, [], 'one exchange')
  const clients = spans.filter(({ kind }) => kind === 'client').sort((a, b) => a.startMs - b.startMs)
  t.equal(clients.length + 1, spans.length)
  for (const client of clients) {
    t.equal(client.traceId, server.traceId, 'tries are in the trace of their exchange')
    t.equal(client.parentSpanId, server.spanId, 'and its children')
    t.ok(server.startMs <= client.startMs && client.startMs <= client.endMs && client.endMs <= server.endMs + 0.001, 'and within its time')
  }
  return { server, clients }
}

for (const upstream of SIDES) {
  for (const surface of SIDES) {
    for (const stream of [false, true]) {
      t.test(`${surface}${stream ? ' stream' : ''} to ${upstream}: a span for the exchange and one for its try`, async (t) => {
        const { gateway, collector, nextEnd } = await tracedScene(t, upstream)
        const parameters = { temperature: 0.5, top_p: 0.8, seed: 7, max_tokens: 50 }
        const body: any = structuredClone((stream ? STREAMS : NO_STREAMS)[surface])
        if (surface === 'openai') Object.assign(body, parameters)
        else Object.assign(body.parameters, parameters)
        const ended = nextEnd()
        const reply = await post(gateway, PATHS[surface], body, { ...(stream && surface === 'dashscope' ? SSE : {}), traceparent: `00-${PARENT.trace}-${PARENT.span}-01` })
        t.equal(reply.status, 200)
        const line = await ended
        await gateway.close()
        const { server, clients } = only(t, collector)
        t.match(server, { name: `POST ${PATHS[surface]}`, traceId: PARENT.trace, parentSpanId: PARENT.span, isError: false })
        t.match(server.resource, { 'service.name': 'dashgate', 'telemetry.sdk.language': 'nodejs' })
        t.match(server.attributes, {
          'http.request.method': 'POST',
          'http.response.status_code': 200,
          'dashgate.request.id': reply.headers.get('x-request-id'),
          'dashgate.team': 'default',
          'dashgate.key.id': line.keyId,
          'dashgate.surface': surface,
          'dashgate.outcome': 'completed',
          'dashgate.cost_nano': line.inputTokens * 2_000 + line.outputTokens * 6_000,
          'dashgate.currency': 'CNY'
        })
        t.equal(clients.length, 1)
        t.match(clients[0], { name: 'chat qwen-coder-turbo', isError: false })
        t.match(clients[0]?.attributes, {
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': upstream,
          'gen_ai.request.model': 'qwen-coder-turbo',
          'gen_ai.request.stream': stream,
          'gen_ai.request.max_tokens': 50,
          'gen_ai.request.temperature': 0.5,
          'gen_ai.request.top_p': 0.8,
          'gen_ai.request.seed': 7,
          'gen_ai.response.finish_reasons': [/^(stop|length)$/],
          'gen_ai.response.id': /[0-9a-f-]{36}$/,
          'gen_ai.usage.input_tokens': line.inputTokens,
          'gen_ai.usage.output_tokens': line.outputTokens,
          'server.address': '127.0.0.1',
          'server.port': Number(new URL(gateway.simulator.url).port)
        })
        t.equal('gen_ai.response.time_to_first_chunk' in (clients[0]?.attributes ?? {}), stream)
        if (upstream === 'openai' && surface === 'openai') t.equal(clients[0]?.attributes['gen_ai.response.model'], 'qwen-coder-turbo')
        const named = new Set<string>(Object.values(ATTRIBUTES).map(({ name }) => name))
        t.same([server, ...clients].flatMap((span) => Object.keys(span.attributes)).filter((name) => !named.has(name)), [], 'all are in the file of names')
      })
    }
  }
}

t.test('a try that failed is a child of its own beside the one that did not', async (t) => {
  const { gateway, collector } = await tracedScene(t, 'openai')
  gateway.simulator.enqueue('error=500')
  t.equal((await post(gateway, PATHS.openai, { ...NO_STREAMS.openai, model: 'twice' })).status, 200)
  await gateway.close()
  const { server, clients } = only(t, collector)
  t.equal(server.isError, false)
  t.match(clients.map(({ isError, attributes }) => [isError, attributes['error.type'], attributes['http.response.status_code']]), [[true, 'upstream_failed', 500], [false, undefined, 200]])
  t.notOk('gen_ai.usage.input_tokens' in (clients[0]?.attributes ?? {}), 'what was used is told of the try that used it')
  t.match(server.attributes, { 'dashgate.attempts': 2, 'dashgate.model': 'twice' })
})

t.test('failures carry their kind: of the client, of the upstream, in the middle of a stream', async (t) => {
  for (const { fault, body, expected, isError } of [
    { fault: '', body: { ...NO_STREAMS.openai, temperature: 99 }, expected: { 'error.type': 'invalid_request', 'http.response.status_code': 400 }, isError: false },
    { fault: '', body: { ...NO_STREAMS.openai, model: 'nobody-knows' }, expected: { 'error.type': 'model_not_found', 'http.response.status_code': 404 }, isError: false },
    { fault: 'error=500', body: NO_STREAMS.openai, expected: { 'error.type': 'upstream_failed', 'http.response.status_code': 502 }, isError: true },
    { fault: 'reset=3', body: STREAMS.openai, expected: { 'error.type': 'upstream_failed', 'http.response.status_code': 200, 'dashgate.outcome': 'failed' }, isError: true }
  ]) {
    const { gateway, collector } = await tracedScene(t, 'openai')
    if (fault !== '') gateway.simulator.enqueue(fault)
    await post(gateway, PATHS.openai, body)
    await gateway.close()
    const { server, clients } = only(t, collector)
    t.match(server.attributes, expected)
    t.equal(server.isError, isError, expected['error.type'])
    t.same(clients.map((client) => client.isError), fault === '' ? [] : [true])
    t.notMatch(JSON.stringify(server), 'nobody-knows', 'a name that a client made up is not told')
  }
})

t.test('a client that leaves is told as one', async (t) => {
  const { gateway, collector, nextEnd } = await tracedScene(t, 'openai')
  const { arrived } = watch(gateway.simulator, 'stall=2')
  const asked = ask(gateway, 'openai')
  await arrived
  const response = await asked.response
  response.on('error', () => undefined)
  response.once('data', () => asked.request.destroy())
  await nextEnd()
  await gateway.close()
  const { server, clients } = only(t, collector)
  t.match(server.attributes, { 'dashgate.outcome': 'client_closed', 'error.type': 'client_closed', 'http.response.status_code': 499 })
  t.equal(server.isError, false)
  t.match(clients[0]?.attributes, { 'error.type': 'client_closed', 'dashgate.usage.source': 'estimated' })
})

t.test('a parent that is none is as good as none, and one that was not sampled samples nothing', async (t) => {
  const { gateway, collector } = await tracedScene(t, 'openai')
  const invalid = [
    'x', `00-${PARENT.trace}-${PARENT.span}`, `00-${PARENT.trace}-${PARENT.span}-01-more`, `ff-${PARENT.trace}-${PARENT.span}-01`,
    `00-${'0'.repeat(32)}-${PARENT.span}-01`, `00-${PARENT.trace}-${'0'.repeat(16)}-01`, `00-${PARENT.trace.toUpperCase()}-${PARENT.span}-01`
  ]
  for (const traceparent of invalid) await post(gateway, PATHS.openai, NO_STREAMS.openai, { traceparent })
  await post(gateway, PATHS.openai, NO_STREAMS.openai, { traceparent: `00-${PARENT.trace}-${PARENT.span}-00` })
  await post(gateway, PATHS.openai, NO_STREAMS.openai, { traceparent: `01-${PARENT.trace}-${PARENT.span}-01-later`, tracestate: 'vendor=secret-state' })
  await gateway.close()
  const servers = collector.spans.filter(({ kind }) => kind === 'server')
  t.equal(servers.length, invalid.length + 1)
  t.equal(new Set(servers.map(({ traceId }) => traceId)).size, invalid.length + 1)
  t.same(servers.filter(({ traceId }) => traceId === PARENT.trace).map(({ parentSpanId }) => parentSpanId), [PARENT.span], 'a later version is read as far as it is known')
  t.notMatch(collector.received.join(), 'secret-state')
})

t.test('a collector that is away or refuses costs spans and nothing else', async (t) => {
  const { gateway, collector } = await tracedScene(t, 'openai', {
    environment: { OTEL_BSP_SCHEDULE_DELAY: '1', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1', OTEL_BSP_MAX_QUEUE_SIZE: '4', OTEL_EXPORTER_OTLP_TIMEOUT: '200' }
  })
  collector.answerWith(400)
  for (let request = 0; request < 12; request++) t.equal((await post(gateway, PATHS.openai, NO_STREAMS.openai)).status, 200)
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  t.match(metrics, 'dashgate_trace_spans_total{result="exported"} 0\n')
  t.ok(Number(/dashgate_trace_spans_total\{result="lost"\} (\d+)/.exec(metrics)?.[1]) > 0)
  await gateway.close()
  t.same(collector.spans, [])
})

t.test('the standard variables are honoured', async (t) => {
  const { gateway, collector } = await tracedScene(t, 'openai', {
    environment: {
      OTEL_SERVICE_NAME: 'gate', OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment.name=test', OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a%20b'
    }
  })
  await textOf(await ask(gateway, 'openai').response)
  await gateway.close()
  t.match(only(t, collector).server.resource, { 'service.name': 'gate', 'deployment.environment.name': 'test' })
  t.match(collector.received[0], /^POST \/v1\/traces\n/)
  t.match(collector.received[0], '"x-tenant":"a b"')
  for (const environment of [{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }, { OTEL_TRACES_SAMPLER: 'always_off' }]) {
    const off = await tracedScene(t, 'openai', { environment: environment as Record<string, string> })
    await post(off.gateway, PATHS.openai, NO_STREAMS.openai)
    await off.gateway.close()
    t.same(off.collector.received, [], JSON.stringify(environment))
  }
})
