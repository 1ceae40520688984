import { Worker } from 'node:worker_threads'
import { countTexts, promptTexts } from './prompt.ts'
import { qwenTable } from './table.ts'
import type { CountOptions } from './count.ts'
import type { Prompt } from './prompt.ts'
import type { CountReply, CountRequest } from './worker.ts'

export interface TokenCounter {
  /**
   * What `countPrompt` counts: at once for a small prompt, by a promise for a large one.
   * @throws TokenCounterError as a rejection, never for a small prompt
   */
  count (prompt: Prompt, options?: CountOptions): number | Promise<number>
  /** A plain text, such as an answer, under the same rules. */
  countText (text: string, options?: Pick<CountOptions, 'special'>): number | Promise<number>
  /** Ends the worker. Counts it has not answered reject, and so do large ones asked for later. */
  close (): Promise<void>
}

export interface TokenCounterOptions {
  /**
   * Up to this many bytes of text, a prompt is counted on the calling thread. The worst text takes about 0.5 ms per
   * KB and code or prose a tenth of that, so 65,536 keeps the event loop free within 50 ms whatever is sent.
   */
  readonly inlineBytesMax: number
  /** How many bytes of text may wait for the worker before more are refused as `busy`. 32 MiB unless given. */
  readonly queuedBytesMax?: number
}

export interface TokenCounterDeps {
  readonly startWorker: () => Worker
}

/** `busy`: too much is waiting already. `died`: the worker ended unasked; another call starts a new one. */
export class TokenCounterError extends Error {
  readonly code: 'busy' | 'died' | 'closed'

  constructor (code: TokenCounterError['code'], options?: ErrorOptions) {
    super(`token counter: ${code}`, options)
    this.name = 'TokenCounterError'
    this.code = code
  }
}

interface WaitingCount {
  readonly bytes: number
  readonly resolve: (tokens: number) => void
  readonly reject: (error: TokenCounterError) => void
}

const QUEUED_BYTES_MAX = 32 * 1024 * 1024

/**
 * Counts prompts without ever blocking the event loop for long: large ones go to one worker, started when needed. The
 * table is loaded here and now (some 35 ms), so that the first request does not wait for it.
 */
export function createTokenCounter (options: TokenCounterOptions, deps: TokenCounterDeps = { startWorker }): TokenCounter {
  const { inlineBytesMax, queuedBytesMax = QUEUED_BYTES_MAX } = options
  const queue = createWorkerQueue(deps)
  qwenTable()
  return {
    count: (prompt, countOptions = {}) => count(promptTexts(prompt), countOptions),
    countText: (text, countOptions = {}) => count([text], countOptions),
    close: queue.close
  }

  function count (texts: readonly string[], countOptions: CountOptions): number | Promise<number> {
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
    if (bytes <= inlineBytesMax) return countTexts(texts, countOptions)
    if (queue.bytes() + bytes > queuedBytesMax) return Promise.reject(new TokenCounterError('busy'))
    return queue.count({ texts, options: countOptions }, bytes)
  }
}

function startWorker (): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { name: 'token-counter' })
}

function createWorkerQueue (deps: TokenCounterDeps) {
  const waiting = new Map<number, WaitingCount>()
  let current: Worker | undefined
  let lastId = 0
  let queuedBytes = 0
  let closed = false

  /** The process may end while the worker idles, but not while somebody waits for it. */
  const takeWaiting = (id: number): WaitingCount | undefined => {
    const found = waiting.get(id)
    if (found === undefined) return undefined
    waiting.delete(id)
    queuedBytes -= found.bytes
    if (waiting.size === 0) current?.unref()
    return found
  }

  const rejectAll = (error: TokenCounterError): void => {
    current = undefined
    for (const id of [...waiting.keys()]) takeWaiting(id)?.reject(error)
  }

  const start = (): Worker => listen(deps.startWorker(), {
    answered: ({ id, tokens }) => takeWaiting(id)?.resolve(tokens),
    ended (worker, cause) {
      if (worker === current) rejectAll(new TokenCounterError('died', { cause }))
    }
  })

  return {
    bytes: () => queuedBytes,
    count (work: Omit<CountRequest, 'id'>, bytes: number): Promise<number> {
      if (closed) return Promise.reject(new TokenCounterError('closed'))
      const worker = current ??= start()
      const id = ++lastId
      worker.ref()
      queuedBytes += bytes
      return new Promise((resolve, reject) => {
        waiting.set(id, { bytes, resolve, reject })
        worker.postMessage({ id, ...work } satisfies CountRequest)
      })
    },
    async close (): Promise<void> {
      closed = true
      const worker = current
      rejectAll(new TokenCounterError('closed'))
      await worker?.terminate()
    }
  }
}

interface WorkerListener {
  readonly answered: (reply: CountReply) => void
  /** Called more than once for one worker: an error is followed by its exit. */
  readonly ended: (worker: Worker, cause: unknown) => void
}

function listen (worker: Worker, { answered, ended }: WorkerListener): Worker {
  worker.on('message', answered)
  worker.on('error', error => ended(worker, error))
  worker.on('exit', exitCode => ended(worker, new Error(`exit code ${exitCode}`)))
  return worker
}
