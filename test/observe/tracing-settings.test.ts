import t from 'tap'
import { tracingSettings } from '../../src/observe/tracing-settings.ts'
import type { TracingSettings } from '../../src/observe/tracing-settings.ts'

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }

function settingsOf (environment: Record<string, string>): { readonly settings: TracingSettings | undefined, readonly refused: readonly string[] } {
  const refused: string[] = []
  return { settings: tracingSettings(environment, (variable) => refused.push(variable)), refused }
}

t.test('traces are made where an endpoint or the exporter says so', async (t) => {
  for (const environment of [ENDPOINT, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:1/x' }, { OTEL_TRACES_EXPORTER: 'otlp' }, { ...ENDPOINT, OTEL_SDK_DISABLED: 'false' }]) {
    t.ok(settingsOf(environment).settings, JSON.stringify(environment))
  }
  for (const environment of [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, { ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }, { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }]) {
    t.same(settingsOf(environment), { settings: undefined, refused: [] }, JSON.stringify(environment))
  }
})

t.test('samplers and batches as the specification has them', async (t) => {
  t.same(settingsOf(ENDPOINT).settings, {
    sampler: { kind: 'parentbased', root: { kind: 'always_on' } },
    batch: { queueSpansMax: 2_048, exportSpansMax: 512, delayMs: 5_000, exportTimeoutMs: 30_000 }
  })
  const samplers: ReadonlyArray<readonly [string, string, TracingSettings['sampler']]> = [
    ['always_on', '', { kind: 'always_on' }],
    ['always_off', '', { kind: 'always_off' }],
    ['traceidratio', '0.25', { kind: 'traceidratio', ratio: 0.25 }],
    ['traceidratio', '', { kind: 'traceidratio', ratio: 1 }],
    ['parentbased_always_off', '', { kind: 'parentbased', root: { kind: 'always_off' } }],
    ['parentbased_traceidratio', '0', { kind: 'parentbased', root: { kind: 'traceidratio', ratio: 0 } }]
  ]
  for (const [name, argument, sampler] of samplers) {
    const { settings, refused } = settingsOf({ ...ENDPOINT, OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument })
    t.same([settings?.sampler, refused], [sampler, []], name)
  }
  const { settings } = settingsOf({ ...ENDPOINT, OTEL_BSP_MAX_QUEUE_SIZE: '100', OTEL_BSP_SCHEDULE_DELAY: '10' })
  t.match(settings?.batch, { queueSpansMax: 100, exportSpansMax: 100, delayMs: 10 })
})

t.test('a value that cannot be honoured is named, never repeated, and its default holds', async (t) => {
  for (const [variable, value] of Object.entries({
    OTEL_TRACES_SAMPLER: 'jaeger_remote', OTEL_BSP_SCHEDULE_DELAY: '-1', OTEL_BSP_MAX_QUEUE_SIZE: '1e9', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc'
  })) {
    const { settings, refused } = settingsOf({ ...ENDPOINT, [variable]: value })
    t.same(refused, [variable])
    t.same(settings, settingsOf(ENDPOINT).settings)
  }
  t.same(settingsOf({ ...ENDPOINT, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' }).refused, ['OTEL_TRACES_SAMPLER_ARG'])
  t.same(settingsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' }), { settings: undefined, refused: ['OTEL_EXPORTER_OTLP_ENDPOINT'] })
  t.same(settingsOf({ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'zipkin' }), { settings: undefined, refused: ['OTEL_TRACES_EXPORTER'] })
})
