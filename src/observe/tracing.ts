import { ROOT_CONTEXT, SpanKind, SpanStatusCode, isSpanContextValid, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, resourceAttributesEnvDetector, resourceFromAttributes, serviceNameEnvDetector } from '@opentelemetry/resources'
import { AlwaysOffSampler, AlwaysOnSampler, BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import packageJson from '../../package.json' with { type: 'json' }
import { CHAT } from './gen-ai-names.ts'
import { TRACER, clientSpanName, serverSpanName } from './span-names.ts'
import { clientAttributes, serverAttributes } from './spans.ts'
import { statusOf } from './status.ts'
import type { BatchSettings, Sampler as SamplerSettings, TracingSettings } from './tracing-settings.ts'
import type { Clock } from '../core/clock.ts'
import type { Context, Span, Tracer } from '@opentelemetry/api'
import type { Exchange, Try } from '../relay/exchange.ts'
import type { Sampler, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace'

/** Tells a collector of every exchange and its tries. It never fails a request, nor makes one wait. */
export interface Tracing {
  record (exchange: Exchange): void
  /** Sends what is waiting, for at most `timeoutMs`. */
  close (timeoutMs: number): Promise<void>
}

export interface TracingDeps {
  readonly clock: Clock
  readonly spans: (result: 'exported' | 'lost', count: number) => void
}

/**
 * This file is loaded only where traces are wanted. Spans are made when an exchange has ended, with the times it has noted: what
 * passes chunks on knows nothing of them.
 */
export function startTracing ({ sampler, batch }: TracingSettings, { clock, spans }: TracingDeps): Tracing {
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'dashgate', 'service.version': packageJson.version }))
      .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] })),
    sampler: samplerFrom(sampler),
    spanLimits: { attributeValueLengthLimit: ATTRIBUTE_CHARACTERS_MAX },
    spanProcessors: [createCountedBatches(new OTLPTraceExporter(), batch, spans)]
  })
  const tracer = provider.getTracer(TRACER, packageJson.version)
  return {
    record (exchange) {
      try {
        recordExchange(tracer, exchange, clock)
      } catch {
        spans('lost', 1)
      }
    },
    async close (timeoutMs) {
      const { promise: timeout, resolve } = Promise.withResolvers<undefined>()
      const stopTimer = clock.setTimer(timeoutMs, () => resolve(undefined))
      await Promise.race([provider.shutdown().catch(() => undefined), timeout])
      stopTimer()
    }
  }
}

const ATTRIBUTE_CHARACTERS_MAX = 256

function samplerFrom (settings: SamplerSettings): Sampler {
  switch (settings.kind) {
    case 'always_on': return new AlwaysOnSampler()
    case 'always_off': return new AlwaysOffSampler()
    case 'traceidratio': return new TraceIdRatioBasedSampler(settings.ratio)
    case 'parentbased': return new ParentBasedSampler({ root: samplerFrom(settings.root) })
  }
}

/** Batches as the SDK makes them, with a count of what reached the collector and what did not, a full queue included. */
function createCountedBatches (exporter: SpanExporter, settings: BatchSettings, spans: TracingDeps['spans']): SpanProcessor {
  let waiting = 0
  const counted: SpanExporter = {
    export (batch, done) {
      waiting -= batch.length
      exporter.export(batch, (result) => {
        spans(result.error === undefined ? 'exported' : 'lost', batch.length)
        done(result)
      })
    },
    shutdown: () => exporter.shutdown()
  }
  const batches = new BatchSpanProcessor({
    exporter: counted,
    maxQueueSize: settings.queueSpansMax,
    maxExportBatchSize: settings.exportSpansMax,
    scheduledDelayMillis: settings.delayMs,
    exportTimeoutMillis: settings.exportTimeoutMs
  })
  return {
    onStart () {},
    onEnd (span) {
      if (waiting >= settings.queueSpansMax) return spans('lost', 1)
      waiting++
      batches.onEnd(span)
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown()
  }
}

function recordExchange (tracer: Tracer, exchange: Exchange, clock: Clock): void {
  const endedMonotonicMs = clock.monotonicMs()
  const wallMs = (monotonicMs: number): number => exchange.startedMs + (monotonicMs - exchange.startedMonotonicMs)
  const options = { kind: SpanKind.SERVER, startTime: exchange.startedMs }
  const server = tracer.startSpan(serverSpanName(exchange.call?.path), options, parentOf(exchange.traceparent))
  if (server.isRecording()) {
    server.setAttributes(serverAttributes(exchange))
    // As the HTTP conventions have it, a client's own mistake is no error of the server.
    if (statusOf(exchange) >= 500 || isBroken(exchange)) server.setStatus({ code: SpanStatusCode.ERROR })
    const context = trace.setSpan(ROOT_CONTEXT, server)
    for (const one of exchange.tries) recordTry(startTry(tracer, one, wallMs, context), exchange, one, wallMs)
  }
  server.end(wallMs(endedMonotonicMs))
}

/** A stream that failed after its head was out has the status of a success, and is none. */
function isBroken ({ outcome, error }: Exchange): boolean {
  return outcome === 'failed' && error !== undefined && error.status >= 500
}

function startTry (tracer: Tracer, one: Try, wallMs: (monotonicMs: number) => number, context: Context): Span {
  const options = { kind: SpanKind.CLIENT, startTime: wallMs(one.startedMonotonicMs) }
  return tracer.startSpan(clientSpanName(CHAT, one.target.model), options, context)
}

function recordTry (span: Span, exchange: Exchange, one: Try, wallMs: (monotonicMs: number) => number): void {
  span.setAttributes(clientAttributes(exchange, one))
  if (one.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end(wallMs(one.endedMonotonicMs ?? one.startedMonotonicMs))
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** W3C's header. One that is not as it should be is as good as none; `tracestate` is any text of the client's, and not kept. */
function parentOf (traceparent: string | undefined): Context {
  const [, version, traceId = '', spanId = '', flags = '', rest] = TRACEPARENT.exec(traceparent ?? '') ?? []
  const isForeign = version === undefined || version === 'ff' || (version === '00' && rest !== undefined)
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  return isForeign || !isSpanContextValid(parent) ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent)
}
