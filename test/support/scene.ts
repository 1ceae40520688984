import { EventEmitter, once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Test } from 'tap'
import { createLogger } from '../../src/observe/logger.ts'
import type { RequestRecord } from '../../src/simulator/records.ts'
import type { Simulator } from '../../src/simulator/simulator.ts'
import { startGateway } from './gateway.ts'
import type { Gateway, GatewayOptions } from './gateway.ts'
import { NATIVE_PATH, OPENAI_PATH } from './http.ts'

export type Side = 'openai' | 'dashscope'

export const SIDES: readonly Side[] = ['dashscope', 'openai']
const MESSAGES = [{ role: 'user', content: 'hi 你好' }]
const OPENAI_STREAM = { model: 'qwen-coder-turbo', messages: MESSAGES, stream: true }
export const NATIVE_STREAM = { model: 'qwen-coder-turbo', input: { messages: MESSAGES }, parameters: { result_format: 'message', incremental_output: true } }
export const SSE = { 'x-dashscope-sse': 'enable' }

export const PATHS: Readonly<Record<Side, string>> = { openai: OPENAI_PATH, dashscope: NATIVE_PATH }
export const STREAMS: Readonly<Record<Side, object>> = { openai: OPENAI_STREAM, dashscope: NATIVE_STREAM }
export const NO_STREAMS: Readonly<Record<Side, object>> = {
  openai: { ...OPENAI_STREAM, stream: false }, dashscope: { ...NATIVE_STREAM, parameters: { result_format: 'message' } }
}

/** An answer that comes in some hundreds of pieces. */
export const LONG = 'lorem ipsum dolor sit amet '.repeat(400)

export interface Scene {
  readonly gateway: Gateway
  /** The log line of the next exchange that ends; by then it is in the ledger. */
  nextEnd (): Promise<any>
}

export async function sceneTo (t: Test, upstreamProtocol: Side, { deps, ...options }: Partial<GatewayOptions> = {}): Promise<Scene> {
  const ends = new EventEmitter()
  const logger = createLogger('info', { write: (line) => { ends.emit('line', JSON.parse(line)) } })
  const gateway = await startGateway({ upstreamProtocol, deps: { logger, ...deps }, ...options })
  t.teardown(() => gateway.close())
  return { gateway, nextEnd: async () => (await once(ends, 'line'))[0] }
}

/** Tells of the next request that reaches the simulator, and of how it ends: the simulator closes a record by assigning to it. */
export function watch (simulator: Simulator, fault: string): { readonly arrived: Promise<RequestRecord>, readonly ended: Promise<string> } {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<RequestRecord>()
  const { promise: ended, resolve: end } = Promise.withResolvers<string>()
  simulator.script((record) => {
    simulator.script(undefined)
    let ending: RequestRecord['ending'] = 'open'
    Object.defineProperty(record, 'ending', { get: () => ending, set: (value) => { ending = value; end(value) }, configurable: true })
    arrive(record)
    return fault
  })
  return { arrived, ended }
}

export interface Asked { readonly request: ClientRequest, readonly response: Promise<IncomingMessage> }

/** A request whose answer is not read until somebody does. */
export function ask (gateway: Gateway, surface: Side, body = STREAMS[surface], headers: Record<string, string> = SSE): Asked {
  const request = httpRequest(gateway.url + PATHS[surface], {
    method: 'POST', headers: { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json', ...(surface === 'dashscope' ? headers : {}) }
  })
  const response = once(request, 'response').then(([response]) => response as IncomingMessage)
  // Whoever destroys the request has no answer to wait for.
  response.catch(() => undefined)
  request.on('error', () => undefined)
  request.end(JSON.stringify(body))
  return { request, response }
}

export async function textOf (response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
