import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { Command } from 'commander'
import { ADMIN_TOKEN_FILE } from '../accounts/admin-token.ts'
import { CliError, EXIT_CODES } from './context.ts'
import { readSecret } from './input-file.ts'
import { loadConfig, readTextFile } from '../config/load.ts'
import { reachableHost } from './urls.ts'
import type { CliContext } from './context.ts'
import type { Config } from '../config/schema.ts'

/** The options of every command that asks a running gateway. */
export interface AdminOptions {
  readonly config?: string
  readonly url?: string
  readonly tokenFile?: string
  readonly json?: true
}

export function addAdminOptions (command: Command): Command {
  return command
    .option('--url <url>', 'where the admin listener is (default: as configured)')
    .option('--token-file <file>', 'a file with an admin token, or - for standard input (default: the root token, as configured or generated)')
    .option('--config <file>', 'configuration file; also DASHGATE_CONFIG (default: ./dashgate.yaml if it exists)')
    .option('--json', 'print one JSON object')
}

/** The admin API of a running gateway. What it refuses, and a gateway that is not there, ends the command. */
export interface AdminClient {
  /** @param path behind /admin/v1 @throws CliError */
  call<T> (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<T>
  /** All of a list, page by page. @throws CliError */
  pages<T> (path: string): AsyncIterable<readonly T[]>
  /** The same in one. @throws CliError */
  list<T> (path: string): Promise<T[]>
  /** Writes an answer that is no JSON as it comes, however long it is. @throws CliError */
  download (path: string, to: NodeJS.WriteStream): Promise<void>
}

const TIMEOUT_MS = 10_000
const PAGE_ITEMS = 200
const PAGES_MAX = 50_000

interface Token { readonly text: string, readonly source: string }

/** Where there is no token, its calls end with that. @throws ConfigError where the configuration is bad */
export function createAdminClient (options: AdminOptions, { environment }: CliContext): AdminClient {
  const flags = options.config === undefined ? {} : { config: options.config }
  const { config } = loadConfig({ flags, environment, readFile: readTextFile })
  const origin = originOf(options.url ?? `http://${reachableHost(config.admin.host)}:${config.admin.port}`)
  let reading: Promise<Token> | undefined

  async function ask (method: string, path: string, body?: object): Promise<Response> {
    // Standard input can be read only once.
    const token = await (reading ??= tokenOf(options, config))
    const response = await answerFrom(`${origin}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token.text}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    }, origin)
    if (response.ok) return response
    throw refusal(response.status, await jsonOf(response, origin) as Refusal, { origin, token })
  }

  async function call<T> (method: string, path: string, body?: object): Promise<T> {
    const response = await ask(method, path, body)
    return (response.status === 204 ? undefined : await jsonOf(response, origin)) as T
  }

  async function * pages<T> (path: string): AsyncGenerator<readonly T[]> {
    let cursor: string | null = ''
    for (let count = 0; cursor !== null; count++) {
      if (count === PAGES_MAX) throw new CliError(EXIT_CODES.failed, `The gateway at ${origin} has more than ${PAGES_MAX * PAGE_ITEMS} entries to tell of.`)
      const page: ListPage<T> = await call('GET', pagePath(path, cursor))
      yield page.data
      cursor = page.next_cursor
    }
  }

  return {
    call,
    pages,
    async list<T> (path: string) {
      const all: T[] = []
      for await (const page of pages<T>(path)) all.push(...page)
      return all
    },
    download: async (path, to) => await copy(await ask('GET', path), to, origin)
  }
}

async function copy ({ body }: Response, to: NodeJS.WriteStream, origin: string): Promise<void> {
  try {
    if (body !== null) await pipeline(Readable.fromWeb(body as ReadableStream), to, { end: false })
  } catch (cause) {
    // Whoever reads the output has seen enough of it.
    if ((cause as NodeJS.ErrnoException).code === 'EPIPE') return
    throw new CliError(EXIT_CODES.failed, `The answer of ${origin} broke off: what was printed is not all of it.`, { cause })
  }
}

function pagePath (path: string, cursor: string): string {
  return `${path}?limit=${PAGE_ITEMS}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
}

interface ListPage<T> { readonly data: readonly T[], readonly next_cursor: string | null }
interface Refusal { readonly error?: { readonly message?: string } }

function originOf (url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return new URL(url).origin
  throw new CliError(EXIT_CODES.misused, `${url} is no URL such as http://127.0.0.1:8788`)
}

/** Never from the command line: a process list shows arguments. */
async function tokenOf ({ tokenFile }: AdminOptions, config: Config): Promise<Token> {
  if (tokenFile === undefined) return rootTokenOf(config)
  return { text: await readSecret(tokenFile), source: tokenFile === '-' ? 'standard input' : tokenFile }
}

function rootTokenOf ({ secrets, store }: Config): Token {
  if (secrets.admin_token !== undefined) return { text: secrets.admin_token, source: 'DASHGATE_ADMIN_TOKEN or the configuration' }
  const path = join(store.data_dir, ADMIN_TOKEN_FILE)
  const text = readTextFile(path)?.trim()
  if (text !== undefined && text !== '') return { text, source: path }
  throw new CliError(EXIT_CODES.misused, `There is no admin token: set DASHGATE_ADMIN_TOKEN or DASHGATE_ADMIN_TOKEN_FILE, or run this where ${path} is. ` +
    'A gateway that was given no token makes that file at its first start.')
}

/** Waits for the answer to begin; whole answers follow at once, and others may take as long as they do. */
async function answerFrom (url: string, request: RequestInit, origin: string): Promise<Response> {
  const waiting = new AbortController()
  const timer = setTimeout(() => waiting.abort(), TIMEOUT_MS)
  try {
    return await fetch(url, { ...request, signal: waiting.signal, redirect: 'manual' })
  } catch (cause) {
    throw new CliError(EXIT_CODES.failed, `No gateway answers at ${origin}. Is it running, and is its admin listener there?`, { cause })
  } finally {
    clearTimeout(timer)
  }
}

async function jsonOf (response: Response, origin: string): Promise<unknown> {
  try {
    return await response.json()
  } catch (cause) {
    throw new CliError(EXIT_CODES.failed, `What answers at ${origin} is no admin API of a gateway.`, { cause })
  }
}

function refusal (status: number, { error }: Refusal, { origin, token }: { origin: string, token: Token }): CliError {
  if (status === 401) return new CliError(EXIT_CODES.failed, `The gateway at ${origin} refuses the admin token, which is from ${token.source}.`)
  return new CliError(status === 400 ? EXIT_CODES.misused : EXIT_CODES.failed, error?.message ?? `The gateway at ${origin} answers with status ${status}.`)
}
