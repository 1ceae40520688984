import type { Catalog } from '../core/catalog.ts'
import { printLine, styled } from './context.ts'
import { reachableUrl } from './urls.ts'

export interface BannerFacts {
  readonly version: string
  readonly inferenceUrl: string
  readonly adminUrl: string
  /** Undefined where the operator has set one, which is not repeated where logs are kept, or has made others. */
  readonly apiKey: string | undefined
  /** Undefined where the operator has set the token. */
  readonly adminTokenFile: string | undefined
  readonly catalog: Catalog
  /** The configuration file, or undefined where there is none. */
  readonly file: string | undefined
  readonly simulated: boolean
}

const FIRST_MODEL = 'qwen-coder-turbo'

/** What a script may want of a server that has just started. */
export function startedFacts (facts: BannerFacts): object {
  return {
    openai_base_url: `${reachableUrl(facts.inferenceUrl)}/v1`,
    dashscope_base_url: `${reachableUrl(facts.inferenceUrl)}/api/v1`,
    admin_url: reachableUrl(facts.adminUrl),
    api_key: facts.apiKey ?? null,
    admin_token_file: facts.adminTokenFile ?? null,
    config_file: facts.file ?? null,
    simulated: facts.simulated
  }
}

/** All that is needed for the first request, by copy and paste. */
export function printBanner (facts: BannerFacts, stream: NodeJS.WriteStream): void {
  const baseUrl = reachableUrl(facts.inferenceUrl)
  const rows = [
    ['OpenAI SDK', `${baseUrl}/v1`],
    ['DashScope SDK', `${baseUrl}/api/v1`],
    ['Admin API', `${reachableUrl(facts.adminUrl)}/admin/v1`],
    ['Admin token', facts.adminTokenFile ?? 'the one in DASHGATE_ADMIN_TOKEN'],
    ['API key', facts.apiKey ?? 'one of yours: DASHGATE_BOOTSTRAP_KEY, or npm run dashgate -- key create'],
    ['Upstream', upstreamsText(facts)],
    ['Configuration', facts.file ?? 'defaults and environment']
  ]
  printLine(stream, `\n${styled(stream, 'bold', `DashGate ${facts.version} is ready.`)}\n`)
  for (const [name = '', value = ''] of rows) printLine(stream, `  ${name.padEnd(15)}${value}`)
  if (facts.simulated) printLine(stream, `\n${styled(stream, 'yellow', SIMULATOR_NOTICE)}`)
  const model = facts.catalog.resolve(FIRST_MODEL)?.name ?? facts.catalog.models.keys().next().value
  if (model !== undefined) printLine(stream, `\nTry it:\n\n${curlText(baseUrl, facts.apiKey ?? '$DASHGATE_BOOTSTRAP_KEY', model)}\n`)
}

const SIMULATOR_NOTICE = `  NO REAL MODEL: no upstream is configured, so the built-in simulator makes the answers up.
  For real ones set your DashScope key and start again:  DASHSCOPE_API_KEY=sk-... npm start`

function upstreamsText ({ catalog, simulated }: BannerFacts): string {
  const upstreams = new Map<string, string>()
  for (const model of catalog.models.values()) {
    for (const { upstream } of model.targets) upstreams.set(upstream.name, upstream.baseUrl)
  }
  const text = [...upstreams].map(([name, baseUrl]) => `${name} (${baseUrl})`).join(', ')
  return simulated ? `BUILT-IN SIMULATOR (${[...upstreams.values()].join(', ')})` : text
}

function curlText (baseUrl: string, apiKey: string, model: string): string {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Write hello world in Go.' }] })
  return [
    `  curl ${baseUrl}/v1/chat/completions \\`,
    `    -H "Authorization: Bearer ${apiKey}" \\`,
    "    -H 'Content-Type: application/json' \\",
    `    -d ${quoted(body)}`
  ].join('\n')
}

/** For a POSIX shell, whatever characters the text has. */
function quoted (text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
