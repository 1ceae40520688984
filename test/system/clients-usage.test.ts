import t from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ADMIN_TOKEN_FILE } from '../../src/accounts/admin-token.ts'
import { reasonToSkip, runScenarios } from '../support/clients.ts'
import { startLimitedGateway } from '../support/limited-gateway.ts'
import type { ClientName } from '../support/clients.ts'

t.setTimeout(600_000)

/** Yuan for a thousand tokens, in and out. */
const PRICE = { input: 0.002, output: 0.006 }
const DAY = 86_400

interface SeenUsage { readonly prompt_tokens: number, readonly completion_tokens: number }

const PAIRS: readonly (readonly [environment: 'node' | 'python', client: ClientName, admin: ClientName])[] = [
  ['node', 'openai-node', 'openai-node-admin'], ['python', 'openai-python', 'openai-python-admin']
]

for (const [environment, client, admin] of PAIRS) {
  t.test(`${admin} reads what ${client} was told it used`, { skip: await reasonToSkip(environment) }, async (t) => {
    const limited = await startLimitedGateway(t, 'dashscope')
    const { gateway, clock } = limited
    const startTime = clock.nowMs() / 1_000
    clock.advance(60_000)
    const callers = [await limited.team(), await limited.team()]
    const seen: SeenUsage[][] = []
    for (const caller of callers) {
      const answers = await runScenarios(client, { ...gateway, apiKey: caller.apiKey, model: 'qwen-coder-turbo' }, ['chat', 'stream_with_usage']) as any
      seen.push([answers.chat.usage, answers.stream_with_usage.usages[0]])
      // Both have ended when their clients have; the last record follows at once.
      while (limited.endedOf(caller) < 2) await limited.nextEnd()
    }
    const token = readFileSync(join(gateway.dataDir, ADMIN_TOKEN_FILE), 'utf8').trim()
    const target = { ...gateway, apiKey: 'sk-none', model: 'none', admin: { baseUrl: `${gateway.adminUrl}/v1`, token, startTime } }
    const shown = await runScenarios(admin, target) as any

    const sums = (usages: readonly SeenUsage[]): { input_tokens: number, output_tokens: number, num_model_requests: number } => ({
      input_tokens: usages.reduce((sum, { prompt_tokens: tokens }) => sum + tokens, 0),
      output_tokens: usages.reduce((sum, { completion_tokens: tokens }) => sum + tokens, 0),
      num_model_requests: usages.length
    })
    t.ok(sums(seen.flat()).input_tokens > 0)
    const bucket = { object: 'bucket', start_time: startTime, end_time: startTime + DAY }
    t.match(shown.usage, { object: 'page', has_more: false, next_page: null, data: [{ ...bucket, results: [{ object: 'organization.usage.completions.result', ...sums(seen.flat()), project_id: null, model: null }] }] })
    t.same(shown.grouped.data[0].end_time, startTime + 3_600)
    t.match(shown.grouped.data[0].results, callers.map(({ team, keyId }, index) => ({ project_id: team, api_key_id: keyId, model: 'qwen-coder-turbo', ...sums(seen[index] ?? []) })))
    t.match(shown.filtered.data[0].results, [sums(seen[1] ?? [])])
    t.equal(shown.filtered.data[0].results.length, 1)
    t.match(shown.pages, [{ start_time: startTime - 2 * DAY, results: { length: 0 } }, { start_time: startTime - DAY }, { ...bucket, results: [sums(seen.flat())] }])
    t.match(shown.costs.data[0].results, callers.map(({ team }, index) => {
      const { input_tokens: input, output_tokens: output } = sums(seen[index] ?? [])
      const value = Math.round((input * PRICE.input + output * PRICE.output) * 1e6) / 1e9
      return { object: 'organization.costs.result', amount: { currency: 'cny', value }, line_item: 'qwen-coder-turbo', project_id: team }
    }))
    t.match(shown.by_the_minute, { class: 'BadRequestError', status: 400, type: 'invalid_request_error', param: 'bucket_width', message: /must be 1h or 1d/ })
    t.match(shown.unauthorized, { class: 'AuthenticationError', status: 401, code: 'invalid_api_key', message: /admin token/ })
  })
}
