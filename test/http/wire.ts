import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: Buffer | string
}

/** One request on a connection of its own, and its whole answer. Header values may hold any bytes: they are sent as UTF-8. */
export async function ask (url: string, { method = 'GET', headers = {}, body = '' }: Asked = {}): Promise<Answer> {
  const bytes = Buffer.from(body)
  const sent: Record<string, string | string[]> = bytes.length > 0 || method === 'POST' ? { 'content-length': String(bytes.length) } : {}
  for (const [name, value] of Object.entries(headers)) sent[name] = typeof value === 'string' ? utf8(value) : value.map(utf8)
  return await new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers: sent, agent: false }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: Buffer.concat(chunks).toString() })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(bytes)
  })
}

function utf8 (value: string): string {
  return Buffer.from(value).toString('latin1')
}

/** A connection that says exactly what it is told to and keeps all it hears. */
export interface RawSocket {
  readonly socket: Socket
  /** Everything received so far. */
  heard (): string
  /** Resolves when what was heard satisfies `isEnough`; rejects when the connection closes before. */
  until (isEnough: (heard: string) => boolean): Promise<string>
  /** Resolves with everything heard once the connection is closed. */
  closed (): Promise<string>
}

export async function openSocket (url: string): Promise<RawSocket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  let heard = ''
  let isClosed = false
  const waiting = new Set<() => void>()
  const wake = (): void => { for (const check of waiting) check() }
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1')
    wake()
  })
  // A reset is one of the ways in which a connection may be closed on us.
  socket.on('error', () => {})
  socket.on('end', () => socket.end())
  socket.on('close', () => {
    isClosed = true
    wake()
  })
  const when = async (isDone: () => boolean): Promise<string> => await new Promise((resolve, reject) => {
    const check = (): void => {
      if (!isDone() && !isClosed) return
      waiting.delete(check)
      if (isDone()) resolve(heard)
      else reject(new Error(`closed after ${JSON.stringify(heard.slice(0, 500))}`))
    }
    waiting.add(check)
    check()
  })
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  return { socket, heard: () => heard, until: (isEnough) => when(() => isEnough(heard)), closed: () => when(() => isClosed) }
}

/** What comes back for these bytes until the server closes the connection. */
export async function exchange (url: string, bytes: Buffer | string): Promise<string> {
  const raw = await openSocket(url)
  raw.socket.write(bytes)
  return await raw.closed()
}

/** The statuses of all final answers in what was heard. */
export function statusesIn (heard: string): number[] {
  return [...heard.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].map((match) => Number(match[1]))
}
