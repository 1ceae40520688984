// Records what each client sends, for the replay suite: `node test/clients/record.ts` runs the clients through a recording
// proxy against the simulator and writes test/fixtures/recorded/<client>/<scenario>.json.
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { runClient } from '../support/clients.ts'
import type { ChatClientName } from '../support/clients.ts'
import { scrubbed } from './scrub.ts'
import type { RecordedRequest } from './scrub.ts'

/** The scenarios whose every request is one that a gateway answers with 200. */
const SCENARIOS: Readonly<Record<ChatClientName, readonly string[]>> = {
  'openai-python': [
    'seed', 'chat', 'stream', 'stream_with_usage', 'async_chat', 'async_stream', 'tools', 'tools_stream', 'parallel_tools_stream',
    'thinking_stream', 'models'
  ],
  'dashscope-python': [
    'seed', 'call', 'text', 'prompt', 'history', 'stream_incremental', 'stream_default', 'stream_not_incremental', 'text_stream',
    'async_call', 'async_stream', 'async_stream_default', 'tools', 'tools_stream', 'tools_stream_merged', 'parallel_tools_stream', 'parallel_tools_stream_merged',
    'thinking_stream', 'multimodal'
  ],
  'dashscope-java': ['seed', 'call', 'text', 'stream_incremental', 'stream_default', 'stream_not_incremental', 'tools'],
  'openai-node': ['chat', 'stream', 'stream_with_usage', 'tools', 'models'],
  'ai-sdk': [
    'compatible_generate', 'compatible_stream', 'compatible_stream_with_usage', 'compatible_tools', 'compatible_tools_stream',
    'alibaba_generate', 'alibaba_stream', 'alibaba_tools', 'alibaba_thinking'
  ],
  'qwen-code': ['say hello'],
  curl: ['openai_seed', 'openai_stream', 'dashscope_seed', 'sse_by_accept', 'sse_by_header', 'history']
}
const API_KEY = 'sk-recorded-by-the-test-suite'
const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'recorded')

const simulator = await startSimulator({ keys: [API_KEY] })
const requests: RecordedRequest[] = []
const proxy = createServer((request, response) => {
  record(request, response).catch((error: Error) => response.destroy(error))
})
proxy.listen(0, '127.0.0.1')
await once(proxy, 'listening')
for (const [client, scenarios] of Object.entries(SCENARIOS) as Array<[ChatClientName, readonly string[]]>) {
  for (const scenario of scenarios) await recordScenario(client, scenario)
}
proxy.close()
await simulator.close()

async function recordScenario (client: ChatClientName, scenario: string): Promise<void> {
  requests.length = 0
  await runClient(client, scenario, {
    openaiBaseUrl: `${originOf(proxy)}/v1`,
    dashscopeBaseUrl: `${originOf(proxy)}/api/v1`,
    apiKey: API_KEY,
    model: client === 'qwen-code' ? 'qwen3-coder-plus' : 'qwen-coder-turbo'
  })
  await mkdir(join(FIXTURES, client), { recursive: true })
  const path = join(FIXTURES, client, `${scenario.replaceAll(' ', '_')}.json`)
  await writeFile(path, JSON.stringify(requests.map(scrubbed), null, 2) + '\n')
  console.error(`${client} ${scenario}: ${requests.length} requests`)
}

/** Passes one exchange through, and keeps the request. */
async function record (request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', url: path = '/' } = request
  const bodyText = await text(request)
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
  requests.push({ method, path, headers, bodyText })
  if (method === 'GET') return answerModels(path, response)
  const { authorization = '', accept = '', 'x-dashscope-sse': sse = '', 'content-type': contentType = '' } = headers
  const answer = await fetch(simulatorUrl(path), {
    method,
    headers: { authorization, accept, 'content-type': contentType, ...(sse && { 'x-dashscope-sse': sse }) },
    ...(method === 'POST' && { body: bodyText })
  })
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
  response.end(Buffer.from(await answer.arrayBuffer()))
}

/** The simulator plays an upstream, and nothing asks an upstream for its models. */
function answerModels (path: string, response: ServerResponse): void {
  const model = { id: 'qwen-coder-turbo', object: 'model', created: 0, owned_by: 'qwen' }
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(path.endsWith('/models') ? { object: 'list', data: [model] } : model))
}

function simulatorUrl (path: string): string {
  return `${simulator.url}${path.replace(/^\/v1\//, '/compatible-mode/v1/')}`
}

function originOf (server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
