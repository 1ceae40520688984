import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** A span as a collector gets it, its attributes as a plain object. */
export interface SeenSpan {
  readonly name: string
  readonly kind: 'server' | 'client' | 'other'
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly startMs: number
  readonly endMs: number
  readonly isError: boolean
  readonly attributes: Readonly<Record<string, unknown>>
  readonly resource: Readonly<Record<string, unknown>>
}

/** An OpenTelemetry collector that takes JSON over HTTP and keeps it. */
export interface Collector {
  readonly url: string
  readonly spans: readonly SeenSpan[]
  /** Everything that came, headers included, as it came. */
  readonly received: readonly string[]
  /** What it answers from now on. */
  answerWith (status: number): void
}

export async function startCollector (t: Test): Promise<Collector> {
  const spans: SeenSpan[] = []
  const received: string[] = []
  let status = 200
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => { chunks.push(chunk) })
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      received.push(`${request.method} ${request.url}\n${JSON.stringify(request.headers)}\n${body}`)
      if (status === 200) spans.push(...spansIn(JSON.parse(body)))
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, received, answerWith (next) { status = next } }
}

function spansIn (body: any): SeenSpan[] {
  return body.resourceSpans.flatMap(({ resource, scopeSpans }: any) => scopeSpans.flatMap(({ spans }: any) => spans.map((span: any): SeenSpan => ({
    name: span.name,
    kind: span.kind === 2 ? 'server' : span.kind === 3 ? 'client' : 'other',
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId === '' ? undefined : span.parentSpanId,
    startMs: Number(span.startTimeUnixNano) / 1e6,
    endMs: Number(span.endTimeUnixNano) / 1e6,
    isError: span.status?.code === 2,
    attributes: plain(span.attributes),
    resource: plain(resource.attributes)
  }))))
}

function plain (attributes: readonly { key: string, value: any }[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]))
}

function valueOf (value: any): unknown {
  if ('arrayValue' in value) return value.arrayValue.values.map(valueOf)
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue)
}
