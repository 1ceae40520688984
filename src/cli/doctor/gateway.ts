import { findingsFor } from './finding.ts'
import { reachableHost } from '../urls.ts'
import type { Config } from '../../config/schema.ts'
import type { Finding } from './finding.ts'

const TIMEOUT_MS = 5_000

/** What runs where this configuration would have the gateway run. */
export async function checkGateway ({ server, admin }: Config): Promise<readonly Finding[]> {
  return await Promise.all([listenerFinding('the gateway', server), listenerFinding('the admin listener', admin)])
}

interface Address { readonly host: string, readonly port: number }

async function listenerFinding (what: string, { host, port }: Address): Promise<Finding> {
  const { ok, warn, fail } = findingsFor('gateway')
  const url = `http://${reachableHost(host)}:${port}/readyz`
  if (port === 0) return ok(`${what} takes any free port, so it is not looked for`)
  const answer = await answerFrom(url)
  if (answer === undefined) return ok(`${what} is not running on port ${port}`)
  const { code, status } = answer
  if (status === 'ok') return ok(`${what} on port ${port} is ready`)
  if (status === 'degraded') return warn(`${what} on port ${port} is degraded: it has lost its store`, 'See what is said of the store.')
  if (status === 'starting' || status === 'draining') return warn(`${what} on port ${port} is ${status} and takes no requests`, 'Ask again in a moment; its log tells what it waits for.')
  return fail(`what answers on port ${port}, with status ${code}, is no dashgate`, 'Choose another port.')
}

interface Answer { readonly code: number, readonly status: unknown }

/** undefined where nobody listens. */
async function answerFrom (url: string): Promise<Answer | undefined> {
  let response: Response
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'manual' })
  } catch (error) {
    if (error instanceof Error && (error.cause as { code?: unknown } | undefined)?.code === 'ECONNREFUSED') return undefined
    return { code: 0, status: undefined }
  }
  const body: unknown = await response.json().catch(() => undefined)
  return { code: response.status, status: (body as { status?: unknown } | null | undefined)?.status }
}
