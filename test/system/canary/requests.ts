import { request as httpRequest } from 'node:http'
import { canary } from './marks.ts'
import { PATHS } from '../../support/scene.ts'
import type { Side } from '../../support/scene.ts'

/** A request with a canary in every place where a client can put one. */
export interface Asking {
  readonly surface: Side
  readonly stream: boolean
  readonly model: string
}

export const HEADERS: Readonly<Record<string, string>> = {
  'x-dashscope-workspace': canary('workspace'),
  'x-unknown': canary('unknown-header'),
  'x-request-id': canary('client-request-id'),
  'user-agent': canary('user-agent'),
  cookie: `session=${canary('cookie')}`,
  baggage: `user=${canary('baggage')}`,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: `vendor=${canary('tracestate')}`,
  referer: `http://${canary('referer')}`
}

const TOOLS = [{ type: 'function', function: { name: 'look', description: canary('tool-description'), parameters: { type: 'object', properties: { [canary('tool-property')]: { type: 'string' } } } } }]

export function bodyOf ({ surface, stream, model }: Asking): object {
  const messages = [
    { role: 'system', content: canary('system') },
    { role: 'user', content: canary('prompt') },
    { role: 'assistant', content: '', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: `{"at":"${canary('tool-arguments')}"}` } }] },
    { role: 'tool', tool_call_id: 'call_1', content: canary('tool-result') },
    { role: 'user', content: canary('second-prompt') }
  ]
  if (surface === 'dashscope') {
    const parameters = { result_format: 'message', tools: TOOLS, stop: [canary('stop')], ...(stream ? { incremental_output: true } : {}), max_tokens: 64 }
    return { model, input: { messages, [canary('input-key')]: 1 }, parameters, [canary('key')]: canary('value') }
  }
  return {
    model,
    messages,
    stream,
    tools: TOOLS,
    max_tokens: 64,
    stop: [canary('stop')],
    user: canary('user'),
    metadata: { note: canary('metadata') },
    [canary('key')]: canary('value')
  }
}

export interface Sending {
  readonly url: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Leaves when the first bytes of the answer have come. */
  readonly leaves?: boolean
}

/** Sends a request, and resolves with what came of it; however the connection ends. */
export async function send ({ url, path, headers, body, leaves = false }: Sending): Promise<{ readonly status: number, readonly text: string }> {
  return await new Promise((resolve) => {
    let status = 0
    const chunks: Buffer[] = []
    const done = (): void => resolve({ status, text: Buffer.concat(chunks).toString() })
    const request = httpRequest(url + path, { method: 'POST', headers }, (response) => {
      status = response.statusCode ?? 0
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        if (leaves) request.destroy()
      })
      response.on('close', done)
      response.on('error', done)
    })
    request.on('error', done)
    request.end(body)
  })
}

export function chat (url: string, key: string, asking: Asking, { leaves = false }: { readonly leaves?: boolean } = {}): ReturnType<typeof send> {
  const sse = asking.surface === 'dashscope' && asking.stream ? { 'x-dashscope-sse': 'enable' } : {}
  const headers = { ...HEADERS, ...sse, 'content-type': 'application/json', authorization: `Bearer ${key}` }
  return send({ url, path: `${PATHS[asking.surface]}?api_key=${canary('query')}`, headers, body: JSON.stringify(bodyOf(asking)), leaves })
}
