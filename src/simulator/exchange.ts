import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dialect } from './call.ts'
import type { SimulatorClock } from './clock.ts'
import { deliver } from './delivery.ts'
import type { Delivered } from './delivery.ts'
import { isFault, parseFaults, withFaults } from './faults/faults.ts'
import { identityOf } from './identity.ts'
import type { Identity } from './identity.ts'
import type { Pace } from './pace.ts'
import type { Records, RequestRecord } from './records.ts'
import { NO_CHARGE } from './reply.ts'
import type { Reply } from './reply.ts'
import { modelList, refusal, replyTo } from './responder.ts'
import type { Author } from './responder.ts'
import { errorOfStatus, invalidParameter } from './vendor-error.ts'
import type { VendorError } from './vendor-error.ts'
import { isObject, parseWireJson } from './wire-json.ts'

export interface ExchangeDeps {
  readonly records: Records
  readonly clock: SimulatorClock
  readonly startedMs: number
  /** Fires when the simulator closes. */
  readonly closing: AbortSignal
  readonly keys: readonly string[] | undefined
  readonly pace: Pace
  readonly author: Author
  faultsFor (record: RequestRecord): readonly string[]
}

interface Route {
  readonly dialect: Dialect
  readonly method: 'POST' | 'GET'
  readonly service: 'text' | 'multimodal'
}

const ROUTES: Readonly<Record<string, Route>> = {
  '/api/v1/services/aigc/text-generation/generation': { dialect: 'native', method: 'POST', service: 'text' },
  '/api/v1/services/aigc/multimodal-generation/generation': { dialect: 'native', method: 'POST', service: 'multimodal' },
  '/compatible-mode/v1/chat/completions': { dialect: 'compatible', method: 'POST', service: 'text' },
  '/v1/chat/completions': { dialect: 'compatible', method: 'POST', service: 'text' },
  '/compatible-mode/v1/models': { dialect: 'compatible', method: 'GET', service: 'text' },
  '/v1/models': { dialect: 'compatible', method: 'GET', service: 'text' }
}
const BODY_BYTES_MAX = 16 * 1024 * 1024
const TOO_LARGE: VendorError = { status: 400, code: 'BadRequest.TooLarge', message: 'Payload Too Large.' }

/** The request listener: record, read, judge, answer, break what is to be broken, send. */
export function createExchange (deps: ExchangeDeps): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const { clock, records } = deps
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    const record = records.open({ method: request.method ?? '', path, headers: request.headers, receivedMs: clock.nowMs() })
    run(record, { request, response }, deps).then(
      delivered => records.close(record, { ...delivered, endedMs: clock.nowMs() }),
      (error: unknown) => {
        records.close(record, { ending: 'broken off', charge: NO_CHARGE, endedMs: clock.nowMs() })
        fail(response, error)
      })
  }
}

/** A mistake in a test's fault or author, or in the simulator, is said aloud as long as there is a way to. */
function fail (response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy()
  else response.writeHead(500, { 'content-type': 'text/plain' }).end(`simulator: ${error instanceof Error ? error.stack : String(error)}`)
}

interface Wire { readonly request: IncomingMessage, readonly response: ServerResponse }

async function run (record: RequestRecord, { request, response }: Wire, deps: ExchangeDeps): Promise<Delivered> {
  const clientGone = new AbortController()
  response.on('close', () => { if (!response.writableFinished) clientGone.abort() })
  const signal = AbortSignal.any([clientGone.signal, deps.closing])
  try {
    record.body = await bodyOf(request)
  } catch (error) {
    if (clientGone.signal.aborted || request.destroyed) return { ending: 'client gone', charge: NO_CHARGE }
    throw error
  }
  const identity = identityOf(deps.startedMs, record.sequence, deps.clock.nowMs())
  const route = ROUTES[record.path]
  const reply = replyFor(record, route, { deps, identity })
  record.status = reply.status
  const delivered = await deliver(named(withFirstTokenDelay(reply, deps.pace), identity), response, { clock: deps.clock, signal })
  return delivered.ending === 'client gone' && deps.closing.aborted ? { ...delivered, ending: 'broken off' } : delivered
}

/** The model takes its time before it speaks; a refusal comes at once. */
function withFirstTokenDelay (reply: Reply, { firstTokenDelayMs }: Pace): Reply {
  if (reply.status !== 200 || firstTokenDelayMs === 0) return reply
  return { ...reply, actions: [{ type: 'pause', durationMs: firstTokenDelayMs }, ...reply.actions] }
}

function named (reply: Reply, { requestId }: Identity): Reply {
  return { ...reply, headers: { 'x-request-id': requestId, ...reply.headers } }
}

/** Reads up to the limit and keeps one byte more, which tells a body that is too large from one that just fits. */
async function bodyOf (request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk)
    bytes += chunk.length
  }
  return Buffer.concat(chunks).subarray(0, BODY_BYTES_MAX + 1)
}

interface Occasion { readonly deps: ExchangeDeps, readonly identity: Identity }

function replyFor (record: RequestRecord, route: Route | undefined, { deps, identity }: Occasion): Reply {
  const dialect = route?.dialect ?? (record.path.startsWith('/api/') ? 'native' : 'compatible')
  const refuse = (error: VendorError): Reply => refusal(error, dialect, identity.requestId)
  if (route === undefined) return refuse({ ...errorOfStatus(404), code: 'NotFound', message: 'Not found.' })
  record.key = /^bearer +(\S+)$/i.exec(record.headers.authorization ?? '')?.[1]
  const faults = route.method === 'POST' ? chosenFaults(record, deps) : []
  const unknown = faults.find(fault => !isFault(fault))
  if (unknown !== undefined) return refuse(invalidParameter(`The simulator knows no fault called ${unknown}.`))
  record.faults = faults
  return withFaults(soundReply(), faults, { dialect, requestId: identity.requestId })

  function soundReply (): Reply {
    if (!isGoodKey(record.key, deps.keys)) return refuse(errorOfStatus(401))
    if (record.method !== route?.method) return refuse(invalidParameter(`Request method '${record.method}' is not supported.`))
    if (route.method === 'GET') return modelList(identity.createdSeconds)
    if (record.body.length > BODY_BYTES_MAX) return refuse(TOO_LARGE)
    record.json = jsonOf(record.body)
    if (!isObject(record.json)) return refuse(invalidParameter('Required body invalid, please check the request body format.'))
    const arrival = { dialect, service: route.service, headers: record.headers, body: record.json }
    return replyTo(arrival, { identity, pace: deps.pace, author: deps.author })
  }
}

function chosenFaults (record: RequestRecord, deps: ExchangeDeps): readonly string[] {
  const asked = record.headers['x-simulate']
  return asked === undefined ? deps.faultsFor(record) : parseFaults(String(asked))
}

function isGoodKey (key: string | undefined, keys: readonly string[] | undefined): boolean {
  return key !== undefined && (keys === undefined ? key.startsWith('sk-') : keys.includes(key))
}

function jsonOf (body: Buffer): unknown {
  try {
    return parseWireJson(body.toString('utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
