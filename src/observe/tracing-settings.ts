/** What the environment says of traces, as OpenTelemetry's specification has it. The exporter reads its own part by itself. */
export interface TracingSettings {
  readonly sampler: Sampler
  readonly batch: BatchSettings
}

export interface BatchSettings {
  readonly queueSpansMax: number
  readonly exportSpansMax: number
  readonly delayMs: number
  readonly exportTimeoutMs: number
}

export type Sampler =
  | { readonly kind: 'always_on' | 'always_off' }
  | { readonly kind: 'traceidratio', readonly ratio: number }
  | { readonly kind: 'parentbased', readonly root: Sampler }

type Environment = Readonly<Record<string, string | undefined>>

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT']

/**
 * Undefined where nothing asks for traces: they are sent where an endpoint or the exporter `otlp` is named, unless the SDK is
 * disabled. @param refused told of each value that cannot be honoured, by the name of its variable alone
 */
export function tracingSettings (environment: Environment, refused: (variable: string) => void): TracingSettings | undefined {
  const valueOf = (name: string): string => environment[name]?.trim() ?? ''
  if (valueOf('OTEL_SDK_DISABLED').toLowerCase() === 'true') return undefined
  const exporters = valueOf('OTEL_TRACES_EXPORTER').split(',').map((name) => name.trim()).filter((name) => name !== '')
  const isWanted = exporters.length === 0 ? ENDPOINTS.some((name) => valueOf(name) !== '') : exporters.includes('otlp')
  if (exporters.some((name) => name !== 'otlp' && name !== 'none')) refused('OTEL_TRACES_EXPORTER')
  if (!isWanted) return undefined
  const endpoint = ENDPOINTS.find((name) => valueOf(name) !== '')
  // The exporter would take this machine in its place.
  if (endpoint !== undefined && !URL.canParse(valueOf(endpoint))) {
    refused(endpoint)
    return undefined
  }
  const protocol = valueOf('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') || valueOf('OTEL_EXPORTER_OTLP_PROTOCOL')
  // Every collector that takes the binary form over HTTP takes JSON at the same address.
  if (protocol === 'grpc') refused('OTEL_EXPORTER_OTLP_PROTOCOL')
  const countOf = (name: string, otherwise: number): number => {
    const text = valueOf(name)
    if (text === '') return otherwise
    if (/^[1-9]\d{0,6}$/.test(text)) return Number(text)
    refused(name)
    return otherwise
  }
  const queueSpansMax = countOf('OTEL_BSP_MAX_QUEUE_SIZE', 2_048)
  return {
    sampler: samplerOf(valueOf('OTEL_TRACES_SAMPLER'), valueOf('OTEL_TRACES_SAMPLER_ARG'), refused),
    batch: {
      queueSpansMax,
      exportSpansMax: Math.min(queueSpansMax, countOf('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512)),
      delayMs: countOf('OTEL_BSP_SCHEDULE_DELAY', 5_000),
      exportTimeoutMs: countOf('OTEL_BSP_EXPORT_TIMEOUT', 30_000)
    }
  }
}

function samplerOf (name: string, argument: string, refused: (variable: string) => void): Sampler {
  const [, isParentBased, kind] = /^(parentbased_)?(always_on|always_off|traceidratio)$/.exec(name) ?? []
  if (kind === undefined) {
    if (name !== '') refused('OTEL_TRACES_SAMPLER')
    return { kind: 'parentbased', root: { kind: 'always_on' } }
  }
  const root: Sampler = kind === 'traceidratio' ? { kind, ratio: ratioOf(argument, refused) } : { kind: kind as 'always_on' | 'always_off' }
  return isParentBased === undefined ? root : { kind: 'parentbased', root }
}

function ratioOf (argument: string, refused: (variable: string) => void): number {
  const ratio = argument === '' ? 1 : Number(argument)
  if (ratio >= 0 && ratio <= 1) return ratio
  refused('OTEL_TRACES_SAMPLER_ARG')
  return 1
}
