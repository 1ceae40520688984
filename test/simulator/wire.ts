import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import type { SimulatorClock } from '../../src/simulator/clock.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import type { Simulator, SimulatorOptions } from '../../src/simulator/simulator.ts'

export const NATIVE = '/api/v1/services/aigc/text-generation/generation'
export const MULTIMODAL = '/api/v1/services/aigc/multimodal-generation/generation'
export const COMPATIBLE = '/compatible-mode/v1/chat/completions'
export const KEY = 'sk-test'

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  readonly text: string
  /** As they were sent: one for each HTTP chunk that was read. */
  readonly chunks: readonly Buffer[]
  readonly ending: 'end' | 'broken'
}

export interface Asked {
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** A simulator for one test, closed with it. */
export async function simulatorFor (t: Test, options: SimulatorOptions = {}, clock?: SimulatorClock): Promise<Simulator> {
  const simulator = await startSimulator(options, clock === undefined ? undefined : { clock })
  t.teardown(() => simulator.close())
  return simulator
}

/** Asks, and reads to whatever end the answer comes to. */
export function ask (simulator: Simulator, { path, method = 'POST', headers, body }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(simulator.url + path, { method, agent: false, headers: { authorization: `Bearer ${KEY}`, ...headers } }, response => {
      const chunks: Buffer[] = []
      const settle = (ending: Answered['ending']): void => {
        const bytes = Buffer.concat(chunks)
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, text: bytes.toString(), chunks, ending })
      }
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => settle('end'))
      response.on('error', () => settle('broken'))
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
  })
}

export interface RawAnswered { readonly text: string, readonly ending: 'fin' | 'reset' }

/** Asks on a bare socket, to tell one end of a connection from another. `watch` sees all that came so far and may hang up. */
export function askRaw (simulator: Simulator, asked: Asked, watch: (text: string, hangUp: () => void) => void = () => {}): Promise<RawAnswered> {
  return new Promise(resolve => {
    let text = ''
    const socket = connect(simulator.port, '127.0.0.1')
    const hangUp = (): void => { socket.destroy() }
    const content = JSON.stringify(asked.body)
    const head = { host: 'simulator', authorization: `Bearer ${KEY}`, 'content-length': Buffer.byteLength(content), ...asked.headers }
    const lines = [`POST ${asked.path} HTTP/1.1`, ...Object.entries(head).map(([name, value]) => `${name}: ${value}`)]
    socket.on('connect', () => watch(text, hangUp))
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString()
      watch(text, hangUp)
    })
    socket.on('error', () => resolve({ text, ending: 'reset' }))
    socket.on('close', () => resolve({ text, ending: 'fin' }))
    socket.write(lines.join('\r\n') + '\r\n\r\n' + content)
  })
}

const TURNS_MAX = 100_000

/** Waits for the other side of a socket, one turn of the event loop at a time. */
export async function until (holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    if (turns === TURNS_MAX) throw new Error('it never came to that')
    await turn()
  }
}

export function nativeBody (text: string, parameters: Record<string, unknown> = {}, model = 'qwen-coder-turbo'): Record<string, unknown> {
  return { model, input: { messages: [{ role: 'user', content: text }] }, parameters }
}

export function compatibleBody (text: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: 'qwen-coder-turbo', messages: [{ role: 'user', content: text }], ...more }
}

export const STREAMED = { 'x-dashscope-sse': 'enable' }

/** The JSON of every event, `[DONE]` left out. */
export function eventsOf (text: string): any[] {
  return text.split('\n').filter(line => line.startsWith('data:') && !line.includes('[DONE]')).map(line => JSON.parse(line.slice(5)))
}

/** Time that passes as soon as somebody waits for it. */
export function hastyClock (): SimulatorClock & { readonly waits: readonly number[] } {
  let nowMs = 1_700_000_000_000
  const waits: number[] = []
  return {
    waits,
    nowMs: () => nowMs,
    setTimer (delayMs, action) {
      waits.push(delayMs)
      const immediate = setImmediate(() => {
        nowMs += delayMs
        action()
      })
      return () => clearImmediate(immediate)
    }
  }
}

/** The question and answer counts of the vendor's page. */
export const PRIMES = '请编写一个Python函数 find_prime_numbers，该函数接受一个整数 n 作为参数，' +
  '并返回一个包含所有小于 n 的质数(素数)的列表。质数是指仅能被1和其自身整除的正整数，如2, 3, 5, 7等。'

export const WEATHER_TOOL = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Current weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
  }
}
