import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { request } from 'undici'
import type { RecordedRequest } from '../clients/scrub.ts'
import { startGateway } from '../support/gateway.ts'
import { eventsOf } from '../support/sse.ts'

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'recorded')

interface Answer { readonly contentType: string, readonly text: string }

for (const upstreamProtocol of ['dashscope', 'openai'] as const) {
  t.test(`what real clients send is answered in their protocol by an upstream that speaks ${upstreamProtocol}`, async t => {
    const gateway = await startGateway({ upstreamProtocol })
    t.teardown(() => gateway.close())
    for (const path of globSync('*/*.json', { cwd: FIXTURES }).sort()) {
      const recorded = JSON.parse(readFileSync(join(FIXTURES, path), 'utf8')) as RecordedRequest[]
      await t.test(path, async t => {
        t.ok(recorded.length > 0, 'something was recorded')
        for (const each of recorded) checkAnswer(t, each, await replay(t, each, gateway))
      })
    }
  })
}

async function replay (t: Test, recorded: RecordedRequest, gateway: { readonly url: string, readonly apiKey: string }): Promise<Answer> {
  const { statusCode, headers, body } = await request(gateway.url + recorded.path, {
    method: recorded.method as 'GET' | 'POST',
    headers: { ...recorded.headers, authorization: `Bearer ${gateway.apiKey}` },
    body: recorded.method === 'POST' ? recorded.bodyText : null,
    reset: true
  })
  const text = await body.text()
  t.equal(statusCode, 200, text.slice(0, 500))
  t.match(headers['x-request-id'], /./)
  return { contentType: String(headers['content-type']), text }
}

function checkAnswer (t: Test, recorded: RecordedRequest, answer: Answer): void {
  if (recorded.method === 'GET') return checkModels(t, answer)
  const asked = JSON.parse(recorded.bodyText) as { stream?: boolean, stream_options?: { include_usage?: boolean } }
  if (recorded.path.startsWith('/api/v1/')) {
    const { accept = '', 'x-dashscope-sse': sse } = recorded.headers
    return accept.includes('text/event-stream') || sse === 'enable' ? checkNativeStream(t, answer) : checkNativeDocument(t, answer)
  }
  if (asked.stream === true) checkOpenaiStream(t, answer, asked.stream_options?.include_usage === true ? 1 : 0)
  else checkOpenaiDocument(t, answer)
}

function checkModels (t: Test, { text }: Answer): void {
  const document = JSON.parse(text) as { object: string }
  t.match(document, document.object === 'list' ? { data: [{ id: /./, object: 'model' }] } : { id: 'qwen-coder-turbo', object: 'model' })
}

function checkNativeDocument (t: Test, { contentType, text }: Answer): void {
  const document = JSON.parse(text) as NativeDocument
  t.match(contentType, /^application\/json/)
  t.match(document, { usage: { input_tokens: Number, output_tokens: Number }, request_id: /./ })
  t.match(finishOf(document), /^(?:stop|tool_calls)$/)
}

function checkNativeStream (t: Test, { contentType, text }: Answer): void {
  t.match(contentType, /^text\/event-stream/)
  const events = eventsOf(text)
  t.ok(events.length > 1, 'several frames')
  t.ok(events.every(({ raw }, index) => raw.toString().startsWith(`id:${index + 1}\nevent:result\n:HTTP_STATUS/200\ndata:{`)), 'the vendor’s form')
  const documents = events.map(({ data = '' }) => JSON.parse(data) as NativeDocument)
  t.ok(documents.slice(0, -1).every(document => finishOf(document) === 'null'), 'not finished before the last frame')
  t.match(finishOf(documents.at(-1)), /^(?:stop|tool_calls)$/)
  t.match(documents.at(-1), { usage: { input_tokens: Number, output_tokens: Number } })
  t.equal(new Set(documents.map(document => document.request_id)).size, 1, 'one request id')
}

interface NativeDocument {
  readonly output?: { readonly finish_reason?: string | null, readonly choices?: ReadonlyArray<{ readonly finish_reason: string }> | null }
  readonly request_id?: string
}

function finishOf (document: NativeDocument | undefined): string | null | undefined {
  return document?.output?.choices?.[0]?.finish_reason ?? document?.output?.finish_reason
}

function checkOpenaiDocument (t: Test, { contentType, text }: Answer): void {
  t.match(contentType, /^application\/json/)
  t.match(JSON.parse(text), {
    id: /^chatcmpl-/,
    object: 'chat.completion',
    created: Number,
    model: /^qwen/,
    choices: [{ index: 0, finish_reason: /^(?:stop|tool_calls)$/, message: { role: 'assistant' } }],
    usage: { prompt_tokens: Number, completion_tokens: Number, total_tokens: Number }
  })
}

function checkOpenaiStream (t: Test, { contentType, text }: Answer, usageChunks: number): void {
  t.match(contentType, /^text\/event-stream/)
  const data = eventsOf(text).map(event => event.data)
  t.equal(data.pop(), '[DONE]')
  const chunks = data.map(each => JSON.parse(each ?? '') as OpenaiChunk)
  t.ok(chunks.every(chunk => chunk.object === 'chat.completion.chunk'), 'nothing but chunks')
  t.equal(new Set(chunks.map(chunk => `${chunk.id} ${chunk.created}`)).size, 1, 'one id and time')
  t.equal(chunks.filter(chunk => chunk.choices.length === 0).length, usageChunks, 'a usage chunk if it was asked for')
  const finishes = chunks.map(chunk => chunk.choices[0]?.finish_reason ?? null).filter(reason => reason !== null)
  t.match(finishes, [/^(?:stop|tool_calls)$/])
  t.equal(finishes.length, 1, 'finished once')
}

interface OpenaiChunk {
  readonly id: string
  readonly object: string
  readonly created: number
  readonly choices: ReadonlyArray<{ readonly finish_reason: string | null }>
}
