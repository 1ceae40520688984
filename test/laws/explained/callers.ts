import type { FastifyInstance } from 'fastify'
import { NATIVE_PATH, OPENAI_PATH } from '../../support/http.ts'
import type { KeySettings, TeamSettings } from '../../../src/accounts/account.ts'
import type { Upstream } from './upstream.ts'

export interface Caller { readonly team: string, readonly keyId: string, readonly secret: string }

export interface Answer { readonly status: number, readonly json: any, readonly headers: Readonly<Record<string, unknown>> }

export interface Asking {
  readonly surface: 'openai' | 'dashscope'
  readonly model: string
  /** What our counter says of the prompt, before its margin. */
  readonly counted: number
  readonly outputTokensMax: number | undefined
  /** What the upstream says it used, or that it fails before it has begun. */
  readonly usage: { readonly inputTokens: number, readonly outputTokens: number } | 'failure'
}

/** A request as far as the upstream, or as far as its refusal. */
export type Begun = { readonly answer: Answer } | { finish (): Promise<Answer> }

/** What they do. */
export interface Callers {
  newTeam (settings: TeamSettings, keys: readonly KeySettings[]): Promise<readonly Caller[]>
  admin (method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer>
  get (caller: Caller, path: string): Promise<Answer>
  begin (caller: Caller, asking: Asking): Promise<Begun>
}

/** Exchanges end after their answers, whoever looks first. */
export interface Ends {
  tell (requestId: string): void
  fail (requestId: string, cause: unknown): void
  of (requestId: string): Promise<void>
}

export function createEnds (): Ends {
  const ends = new Map<string, PromiseWithResolvers<void>>()
  const endOf = (requestId: string): PromiseWithResolvers<void> => {
    const end = ends.get(requestId) ?? Promise.withResolvers<void>()
    ends.set(requestId, end)
    return end
  }
  return {
    tell: (requestId) => endOf(requestId).resolve(),
    fail: (requestId, cause) => endOf(requestId).reject(cause),
    of: (requestId) => endOf(requestId).promise
  }
}

export interface CallersParts { readonly app: FastifyInstance, readonly admin: FastifyInstance, readonly upstream: Upstream, readonly ends: Ends, readonly adminToken: string }

/** People with keys, and one with the admin token. */
export function createCallers ({ app, admin, upstream, ends, adminToken }: CallersParts): Callers {
  let teams = 0
  const ask: Callers['admin'] = (method, path, body) => inject(admin, { method, url: `/admin/v1${path}`, secret: adminToken, body })
  return {
    admin: ask,
    async newTeam (settings, keys) {
      const team = `team-${++teams}`
      expectStatus(await ask('POST', '/teams', { id: team, ...settings }), 201)
      const callers: Caller[] = []
      for (const key of keys) {
        const { json } = expectStatus(await ask('POST', `/teams/${team}/keys`, key), 201)
        callers.push({ team, keyId: json.id, secret: json.secret })
      }
      return callers
    },
    get: ({ secret }, path) => inject(app, { method: 'GET', url: path, secret }),
    async begin ({ secret }, asking) {
      const arrival = upstream.expect(asking)
      const reply = inject(app, { method: 'POST', url: PATHS[asking.surface], secret, body: bodyFor(asking) })
      const answer = await Promise.race([arrival, reply])
      if (typeof answer !== 'function') return { answer }
      return {
        async finish () {
          answer()
          const { headers } = await reply
          await ends.of(String(headers['x-request-id']))
          return await reply
        }
      }
    }
  }
}

const PATHS = { openai: OPENAI_PATH, dashscope: NATIVE_PATH }

function bodyFor ({ surface, model, outputTokensMax }: Asking): object {
  const messages = [{ role: 'user', content: 'hi' }]
  const cap = outputTokensMax === undefined ? {} : { max_tokens: outputTokensMax }
  return surface === 'openai' ? { model, messages, ...cap } : { model, input: { messages }, parameters: { ...cap } }
}

interface Injection { readonly method: 'GET' | 'POST', readonly url: string, readonly secret: string, readonly body?: unknown }

async function inject (app: FastifyInstance, { method, url, secret, body }: Injection): Promise<Answer> {
  const authorization = { authorization: `Bearer ${secret}` }
  const response = body === undefined
    ? await app.inject({ method, url, headers: authorization })
    : await app.inject({ method, url, headers: { ...authorization, 'content-type': 'application/json' }, payload: JSON.stringify(body) })
  return { status: response.statusCode, json: response.body === '' ? undefined : response.json(), headers: response.headers }
}

function expectStatus (answer: Answer, status: number): Answer {
  if (answer.status !== status) throw new Error(`${answer.status}: ${JSON.stringify(answer.json)}`)
  return answer
}
