import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { ADMIN_TOKEN_FILE } from '../../src/accounts/admin-token.ts'
import { createLogger } from '../../src/observe/logger.ts'
import { createManualClock } from './fixed.ts'
import { post } from './http.ts'
import { PATHS, ask as askOpen, watch } from './scene.ts'
import { startGateway } from './gateway.ts'
import type { Gateway, GatewayOptions } from './gateway.ts'
import type { KeySettings, TeamSettings } from '../../src/accounts/account.ts'
import type { ManualClock } from './fixed.ts'
import type { Reply } from './http.ts'
import type { RequestRecord } from '../../src/simulator/records.ts'
import type { Side } from './scene.ts'

/** Somebody with a key. */
export interface Caller extends Pick<Gateway, 'url' | 'apiKey'> { readonly team: string, readonly keyId: string }

export interface AdminAnswer { readonly status: number, readonly json: any }

export interface LimitedGateway {
  readonly gateway: Gateway
  /** The gateway's. It stands still. */
  readonly clock: ManualClock
  admin (method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<AdminAnswer>
  /** A new team, and a key of it. */
  team (settings?: TeamSettings, key?: KeySettings): Promise<Caller>
  /** Another key of a caller's team. */
  key (beside: Pick<Caller, 'team'>, settings?: KeySettings): Promise<Caller>
  /** The log line of an exchange, once it has ended: by then it is settled. */
  ended (requestId: string | null): Promise<any>
  /** The log line of the next exchange that ends. */
  nextEnd (): Promise<any>
  /** How many exchanges of a key have ended. */
  endedOf (caller: Caller): number
  /** One request, and its end. */
  ask (caller: Caller, way: Way, asked?: Asked): Promise<Reply>
  /** Its path in the gateway's own API, as the caller sees it. */
  seen (caller: Caller, path: string): Promise<any>
  /** What the simulator has seen last. */
  lastRequest (): RequestRecord
}

/** How a request is made. */
export interface Way { readonly surface: Side, readonly stream: boolean }

export const WAYS: readonly Way[] = (['openai', 'dashscope'] as const).flatMap((surface) => [false, true].map((stream) => ({ surface, stream })))

export function nameOf ({ surface, stream }: Way): string {
  return `${surface}${stream ? ' stream' : ''}`
}

export interface Asked {
  readonly model?: string
  readonly content?: string
  /** max_tokens, n, tools: both protocols have the same names for them. */
  readonly parameters?: object
}

export const MODEL = 'qwen-coder-turbo'
export const CONTENT = 'hi 你好'
/** How far the service's count of a prompt may be above ours: so much is held beside it. */
export const MARGIN_TOKENS = 64

export function bodyFor ({ surface, stream }: Way, { model = MODEL, content = CONTENT, parameters = {} }: Asked = {}): object {
  const messages = [{ role: 'user', content }]
  if (surface === 'openai') return { model, messages, ...(stream ? { stream } : {}), ...parameters }
  return { model, input: { messages }, parameters: { result_format: 'message', ...(stream ? { incremental_output: true } : {}), ...parameters } }
}

export function headersFor ({ surface, stream }: Way): Record<string, string> {
  return surface === 'dashscope' && stream ? { 'x-dashscope-sse': 'enable' } : {}
}

/** A whole gateway whose time stands still, and the people who use it. */
export async function startLimitedGateway (t: Test, upstreamProtocol: Side, options: Partial<GatewayOptions> = {}): Promise<LimitedGateway> {
  const clock = createManualClock()
  const lines = createLines()
  const logger = createLogger('info', { write: (line) => lines.add(JSON.parse(line)) })
  const gateway = await startGateway({ upstreamProtocol, ...options, deps: { clock, logger, ...options.deps } })
  t.teardown(() => gateway.close())
  const adminToken = readFileSync(join(gateway.dataDir, ADMIN_TOKEN_FILE), 'utf8').trim()
  let teams = 0

  async function admin (method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<AdminAnswer> {
    const response = await fetch(`${gateway.adminUrl}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    return { status: response.status, json: await response.json() }
  }

  async function created (path: string, body: unknown): Promise<any> {
    const { status, json } = await admin('POST', path, body)
    if (status !== 201) throw new Error(`${status}: ${JSON.stringify(json)}`)
    return json
  }

  async function key ({ team }: Pick<Caller, 'team'>, settings: KeySettings = {}): Promise<Caller> {
    const { id, secret } = await created(`/teams/${team}/keys`, settings)
    return { url: gateway.url, apiKey: secret, team, keyId: id }
  }

  return {
    gateway,
    clock,
    admin,
    key,
    async team (settings = {}, keySettings = {}) {
      const team = `team-${++teams}`
      await created('/teams', { id: team, ...settings })
      return await key({ team }, keySettings)
    },
    ended: lines.of,
    nextEnd: lines.next,
    endedOf: ({ keyId }) => lines.countOf(keyId),
    async ask (caller, way, asked) {
      const reply = await post(caller, PATHS[way.surface], bodyFor(way, asked), headersFor(way))
      await lines.of(reply.headers.get('x-request-id'))
      return reply
    },
    async seen ({ url, apiKey }, path) {
      const response = await fetch(`${url}/dashgate/v1${path}`, { headers: { authorization: `Bearer ${apiKey}` } })
      return response.status === 200 ? await response.json() : undefined
    },
    lastRequest () {
      const last = gateway.simulator.requests.at(-1)
      if (last === undefined) throw new Error('the simulator has seen nothing')
      return last
    }
  }
}

/** A stream of a caller's that goes on until `end`, which is when its client leaves, and everything is settled. */
export async function startStream (
  { gateway, ended }: LimitedGateway, { apiKey }: Caller, parameters: object = {}
): Promise<{ end (): Promise<RequestRecord> }> {
  const way: Way = { surface: 'openai', stream: true }
  const { arrived, ended: upstreamEnded } = watch(gateway.simulator, 'stall=3')
  const { request, response } = askOpen({ ...gateway, apiKey }, way.surface, bodyFor(way, { parameters }))
  const answer = await response
  await once(answer, 'data')
  return {
    async end () {
      // A closed half of a connection is probed by and by, and here time stands still: so it is reset.
      request.socket?.resetAndDestroy()
      await upstreamEnded
      await ended(String(answer.headers['x-request-id']))
      return await arrived
    }
  }
}

interface Lines {
  add (line: any): void
  of (requestId: string | null): Promise<any>
  next (): Promise<any>
  countOf (keyId: string): number
}

/** The log's lines of exchanges, by their requests, whoever comes first. */
function createLines (): Lines {
  const lines = new Map<string, PromiseWithResolvers<any>>()
  const counts = new Map<string, number>()
  let next = Promise.withResolvers<any>()
  const lineOf = (requestId: string): PromiseWithResolvers<any> => {
    const line = lines.get(requestId) ?? Promise.withResolvers<any>()
    lines.set(requestId, line)
    return line
  }
  return {
    add (line) {
      if (line.outcome === undefined) return
      counts.set(line.keyId, (counts.get(line.keyId) ?? 0) + 1)
      lineOf(line.requestId).resolve(line)
      next.resolve(line)
      next = Promise.withResolvers()
    },
    of: (requestId) => lineOf(requestId ?? '').promise,
    next: () => next.promise,
    countOf: (keyId) => counts.get(keyId) ?? 0
  }
}
