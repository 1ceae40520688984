import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { canary } from './marks.ts'

/** How an upstream may blurt out what it was sent. */
export const BEHAVIOURS = ['answers', 'status 400', 'status 401', 'status 403', 'status 429', 'status 500', 'status 503', 'status 302',
  'error as 200', 'error in the stream', 'breaks off', 'no json', 'empty', 'closes'] as const
export type Behaviour = typeof BEHAVIOURS[number]

/** An upstream of both protocols that says everything it was sent, in every place where it can say anything. */
export interface EchoUpstream {
  readonly origin: string
  /** What it was sent, headers and all. */
  readonly received: readonly string[]
  behave (behaviour: Behaviour | 'stalls'): void
}

export async function startEchoUpstream (t: Test): Promise<EchoUpstream> {
  const received: string[] = []
  let behaviour: Behaviour | 'stalls' = 'answers'
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => { chunks.push(chunk) })
    request.on('end', () => {
      const said = `${JSON.stringify(request.headers)} ${Buffer.concat(chunks).toString()}`
      received.push(said)
      answer(request, response, { behaviour, said })
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received, behave (next) { behaviour = next } }
}

interface Saying { readonly behaviour: Behaviour | 'stalls', readonly said: string }

const JSON_TYPE = 'application/json'

function answer (request: IncomingMessage, response: ServerResponse, saying: Saying): void {
  const { behaviour, said } = saying
  const isNative = request.url?.endsWith('/generation') ?? false
  const isStream = isNative ? request.headers['x-dashscope-sse'] === 'enable' : /"stream": ?true/.test(said)
  const status = Number(/^status (\d+)$/.exec(behaviour)?.[1] ?? 200)
  const reply = (type: string, body?: string): void => {
    const key = request.headers.authorization?.slice(0, 200) ?? ''
    const words = { 'x-request-id': canary('upstream-request-id'), 'x-echo': key, server: canary('server'), location: `https://${canary('location')}` }
    response.writeHead(status, { ...words, 'content-type': type })
    if (body !== undefined) response.end(body)
  }
  if (behaviour === 'closes') response.destroy()
  else if (status !== 200 || behaviour === 'error as 200') reply(JSON_TYPE, JSON.stringify(errorOf(isNative, said)))
  else if (behaviour === 'no json') reply(JSON_TYPE, said)
  else if (behaviour === 'empty') reply(JSON_TYPE, '')
  else if (!isStream) reply(JSON_TYPE, JSON.stringify(isNative ? nativeAnswer(said, 'stop') : openaiAnswer(said)))
  else {
    reply('text/event-stream')
    stream(response, isNative, saying)
  }
}

function stream (response: ServerResponse, isNative: boolean, { behaviour, said }: Saying): void {
  const native = (data: object): string => `id:1\nevent:result\n:${canary('comment')}\ndata:${JSON.stringify(data)}\n\n`
  response.write(isNative
    ? native(nativeAnswer(said, 'null'))
    : `: ${canary('comment')}\n\ndata: ${JSON.stringify(openaiChunk({ content: said }, null))}\n\n`)
  if (behaviour === 'stalls') return
  if (behaviour === 'breaks off') {
    setImmediate(() => response.destroy())
    return
  }
  if (behaviour === 'error in the stream') {
    const error = JSON.stringify(errorOf(isNative, said))
    response.end(isNative ? `id:2\nevent:error\n:HTTP_STATUS/500\ndata:${error}\n\n` : `data: ${error}\n\n`)
    return
  }
  const last = { ...openaiChunk({}, 'stop'), usage: openaiUsage() }
  response.end(isNative ? native(nativeAnswer('', 'stop')) : `data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`)
}

function errorOf (isNative: boolean, said: string): object {
  const code = canary('error-code')
  return isNative
    ? { code, message: said, request_id: canary('request-id') }
    : { error: { message: said, type: canary('error-type'), param: canary('param'), code }, request_id: canary('request-id') }
}

/** An upstream may name the parts of its counts as it likes. */
function openaiUsage (): object {
  return { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12, prompt_tokens_details: { [canary('detail')]: 4, cached_tokens: 2 }, completion_tokens_details: { [canary('detail')]: 1 } }
}

function openaiChunk (delta: object, reason: string | null): object {
  return { id: canary('answer-id'), object: 'chat.completion.chunk', created: 1, model: canary('model'), system_fingerprint: canary('print'), choices: [{ index: 0, delta, finish_reason: reason }] }
}

function openaiAnswer (said: string): object {
  return {
    ...openaiChunk({}, 'stop'),
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: said }, finish_reason: canary('reason') }],
    usage: openaiUsage()
  }
}

function nativeAnswer (said: string, reason: string): object {
  return {
    output: { choices: [{ message: { role: 'assistant', content: said }, finish_reason: reason }] },
    usage: { input_tokens: 9, output_tokens: 3, total_tokens: 12, input_tokens_details: { [canary('detail')]: 4 }, output_tokens_details: { [canary('detail')]: 1 } },
    request_id: canary('request-id')
  }
}
