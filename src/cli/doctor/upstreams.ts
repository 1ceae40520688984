import { eachOf } from './run-checks.ts'
import { findingsFor } from './finding.ts'
import { upstreamKeyId } from '../../core/upstream-key.ts'
import type { Clock } from '../../core/clock.ts'
import type { Config, UpstreamConfig } from '../../config/schema.ts'
import type { Finding } from './finding.ts'

export interface UpstreamDeps { readonly clock: Pick<Clock, 'nowMs'> }

const AT_ONCE = 8
const TIMEOUT_MS = 10_000
const BODY_BYTES_MAX = 65_536

interface Probe {
  readonly upstream: UpstreamConfig
  readonly key: string
  readonly workspace: string | undefined
  /** Which of the upstream's keys, from 0. */
  readonly place: number
}

/** Each key of each upstream, by a call that costs nothing. */
export async function checkUpstreams ({ upstreams }: Config, deps: UpstreamDeps): Promise<readonly Finding[]> {
  if (upstreams.length === 0) {
    return [findingsFor('upstream').warn('no upstream is configured, so the built-in simulator makes the answers up', 'Set DASHSCOPE_API_KEY, or name your upstreams in the configuration.')]
  }
  const probes = upstreams.flatMap((upstream) => upstream.keys.map((key, place): Probe =>
    typeof key === 'string' ? { upstream, key, workspace: undefined, place } : { upstream, key: key.key, workspace: key.workspace, place }))
  const findings = await eachOf(probes, AT_ONCE, (probe) => probeFindings(probe, deps))
  return findings.flat()
}

async function probeFindings (probe: Probe, { clock }: UpstreamDeps): Promise<readonly Finding[]> {
  const { upstream, key, place } = probe
  const { fail } = findingsFor('upstream')
  // The id the admin API knows it by: nothing of the key itself is shown.
  const who = `${upstream.name}, key ${place + 1} (${upstreamKeyId(key)})`
  const startedMs = clock.nowMs()
  let outcome: Outcome
  try {
    outcome = await call(probe)
  } catch (error) {
    return [fail(`${who}: it cannot be reached: ${reasonOf(error)}`, `Look at base_url ${upstream.base_url} and the network.`)]
  }
  const nowMs = (startedMs + clock.nowMs()) / 2
  return [verdictOn(outcome, upstream.protocol, who), ...clockFindings(outcome.date, nowMs, upstream.name)]
}

export interface Outcome { readonly status: number, readonly code: string | undefined, readonly date: string | undefined }

async function call ({ upstream, key, workspace }: Probe): Promise<Outcome> {
  const base = upstream.base_url.replace(/\/+$/, '')
  const headers = { authorization: `Bearer ${key}`, ...(workspace === undefined ? {} : { 'x-dashscope-workspace': workspace }) }
  const shared = { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) } as const
  const response = upstream.protocol === 'openai'
    ? await fetch(`${base}/models`, { ...shared, headers })
    // The key is looked at before the body, and a body without a model can neither be answered nor billed.
    : await fetch(`${base}/services/aigc/text-generation/generation`, {
      ...shared, method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{}'
    })
  return { status: response.status, code: await codeIn(response), date: response.headers.get('date') ?? undefined }
}

/** The error's code in either protocol. */
async function codeIn (response: Response): Promise<string | undefined> {
  const body = parsed(response.ok ? '' : await beginningOf(response)) as { code?: unknown, error?: { code?: unknown } } | null | undefined
  const code = body?.code ?? body?.error?.code
  return typeof code === 'string' && /^[\w.-]{1,100}$/.test(code) ? code : undefined
}

async function beginningOf (response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) break
  }
  return Buffer.concat(chunks).toString()
}

function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** undici says why in the cause. Messages may repeat what was sent and are not shown. */
function reasonOf (error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1_000} s`
  const code = error instanceof Error ? (error.cause as { code?: unknown } | undefined)?.code : undefined
  return typeof code === 'string' ? code : 'the connection failed'
}

/** What an answer to a call without sense tells of the key. */
export function verdictOn ({ status, code }: Outcome, protocol: UpstreamConfig['protocol'], who: string): Finding {
  const { ok, warn, fail } = findingsFor('upstream')
  const answer = `status ${status}${code === undefined ? '' : ` ${code}`}`
  if (status === 401) return fail(`${who}: the upstream does not know this key (${answer})`, 'A key works in its own region only: look at both the key and base_url.')
  if (code === 'Arrearage') return fail(`${who}: its account is in arrears (${answer})`, 'Pay what is owed.')
  if (status === 403) return fail(`${who}: the key may not be used so (${answer})`, 'Look at the key\'s workspace and what it was made for.')
  if (status === 429) return warn(`${who}: the upstream knows the key, and refuses more requests right now (${answer})`, 'Add keys, or ask for a higher limit.')
  if (status >= 500) return fail(`${who}: the upstream is in trouble (${answer})`, 'Ask again in a while.')
  if (protocol === 'dashscope') {
    if (status === 400) return ok(`${who}: the key is good`)
  } else if (status === 200) {
    return ok(`${who}: the key is good`)
  }
  if (status >= 300 && status < 400) return fail(`${who}: the upstream sends callers elsewhere (${answer})`, 'Set base_url to where it sends them; redirections are not followed.')
  return warn(`${who}: the upstream is reached, and its answer proves nothing about the key (${answer})`, 'Look at base_url: the protocol\'s own paths are appended to it.')
}

const SKEW_MS_MAX = 60_000

/** The header has whole seconds, and is as old as the way back. */
export function clockFindings (date: string | undefined, nowMs: number, name: string): Finding[] {
  const thereMs = Date.parse(date ?? '')
  if (Number.isNaN(thereMs) || Math.abs(thereMs - nowMs) <= SKEW_MS_MAX) return []
  const seconds = Math.round((nowMs - thereMs) / 1_000)
  return [findingsFor('clock').warn(`this machine's clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} that of ${name}`, 'Keep it by NTP: budgets of the embedded store begin anew by it.')]
}
