import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Test } from 'tap'

/** An upstream of either protocol that does not stop where it was told to. */
export interface Runaway {
  readonly origin: string
  /** How the answers ended, oldest first. */
  readonly endings: ('hung up on' | 'done')[]
}

export interface RunawayOptions {
  /** Every piece is one token, of five bytes. */
  readonly pieces: number
  /** What DashScope's frames say of usage; its compatible mode says it at the end. */
  readonly usage: 'running' | 'last'
  readonly inputTokens: number
}

/** One token each, by turns: pieces that are all the same could be the growing text of a cumulative stream. */
const PIECES = [' word', ' more']

function textOf (pieces: number): string {
  return PIECES.join('').repeat(pieces >> 1) + (pieces % 2 === 1 ? PIECES[0] : '')
}

function pieceOf (place: number): string {
  return PIECES[place % 2] as string
}

interface Telling extends RunawayOptions { readonly choices: number, readonly cumulative: boolean }

export async function startRunaway (t: Test, options: RunawayOptions): Promise<Runaway> {
  const endings: Runaway['endings'] = []
  const server = createServer((request, response) => {
    answer(request, response, options).then((ending) => endings.push(ending), (cause: Error) => response.destroy(cause))
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, endings }
}

async function answer (request: IncomingMessage, response: ServerResponse, options: RunawayOptions): Promise<Runaway['endings'][number]> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const body = JSON.parse(Buffer.concat(chunks).toString())
  const parameters = body.parameters ?? body
  const telling = { ...options, choices: parameters.n ?? 1, cumulative: parameters.incremental_output === false }
  const isNative = request.url?.endsWith('/generation') ?? false
  const isStream = isNative ? request.headers['x-dashscope-sse'] === 'enable' : body.stream === true
  if (isStream) await tell(response, isNative ? nativeFrames(telling) : openaiChunks(telling))
  else response.setHeader('content-type', 'application/json').end(isNative ? nativeWhole(telling) : openaiWhole(telling))
  return response.destroyed && !response.writableFinished ? 'hung up on' : 'done'
}

/** Event by event, each in a turn of its own, until it is all said or nobody listens. */
async function tell (response: ServerResponse, events: Iterable<string>): Promise<void> {
  response.setHeader('content-type', 'text/event-stream')
  const closed = once(response, 'close')
  for (const event of events) {
    if (response.destroyed) break
    if (!response.write(event)) await Promise.race([closed, once(response, 'drain')])
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  response.end()
  await closed
}

function * nativeFrames ({ pieces, usage, inputTokens, choices, cumulative }: Telling): Generator<string> {
  for (let said = 1; said <= pieces + 1; said++) {
    const isLast = said > pieces
    const content = cumulative ? textOf(Math.min(said, pieces)) : isLast ? '' : pieceOf(said - 1)
    for (let index = 0; index < choices; index++) {
      const choice = { ...(choices > 1 ? { index } : {}), finish_reason: isLast ? 'stop' : 'null', message: { role: 'assistant', content } }
      const counted = usage === 'last' && !isLast ? {} : { usage: nativeUsage(inputTokens, Math.min(said, pieces) * choices) }
      yield `id:${said}\nevent:result\n:HTTP_STATUS/200\ndata:${JSON.stringify({ output: { choices: [choice] }, ...counted, request_id: 'runaway' })}\n\n`
    }
  }
}

function * openaiChunks ({ pieces, inputTokens, choices }: Telling): Generator<string> {
  const chunk = (members: object): string => `data: ${JSON.stringify({ id: 'chatcmpl-runaway', object: 'chat.completion.chunk', ...members })}\n\n`
  for (let said = 0; said < pieces; said++) {
    for (let index = 0; index < choices; index++) yield chunk({ choices: [{ index, delta: { content: pieceOf(said) }, finish_reason: null }] })
  }
  for (let index = 0; index < choices; index++) yield chunk({ choices: [{ index, delta: {}, finish_reason: 'stop' }] })
  yield chunk({ choices: [], usage: openaiUsage(inputTokens, pieces * choices) })
  yield 'data: [DONE]\n\n'
}

function nativeWhole ({ pieces, inputTokens }: Telling): string {
  const message = { role: 'assistant', content: textOf(pieces) }
  return JSON.stringify({ output: { choices: [{ finish_reason: 'stop', message }] }, usage: nativeUsage(inputTokens, pieces), request_id: 'runaway' })
}

function openaiWhole ({ pieces, inputTokens }: Telling): string {
  const message = { role: 'assistant', content: textOf(pieces) }
  return JSON.stringify({ id: 'chatcmpl-runaway', object: 'chat.completion', choices: [{ index: 0, finish_reason: 'stop', message }], usage: openaiUsage(inputTokens, pieces) })
}

function nativeUsage (inputTokens: number, outputTokens: number): object {
  return { input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: inputTokens + outputTokens }
}

function openaiUsage (inputTokens: number, outputTokens: number): object {
  return { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens }
}
