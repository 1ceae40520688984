import t from 'tap'
import { buildCatalog } from '../../../src/config/catalog.ts'
import { checkModels } from '../../../src/cli/doctor/models.ts'
import { PROTOCOLS, configOf } from '../../config/support.ts'
import type { Finding } from '../../../src/cli/doctor/finding.ts'

const DAY_MS = 86_400_000

function found (yaml: string, days = 0): readonly Finding[] {
  const config = configOf({ yaml })
  const catalog = buildCatalog(config, PROTOCOLS, { simulatorBaseUrl: 'http://127.0.0.1' })
  return checkModels(config, catalog, { catalogDate: '2026-01-01', nowMs: Date.UTC(2026, 0, 1) + days * DAY_MS, daysMax: 30 })
}

const LOCAL = 'upstreams: [{ name: local, protocol: openai, base_url: "http://x/v1", keys: [none] }]\n'
const HOUSE = '{ name: house, targets: [{ upstream: local }], context_tokens: 1000, output_tokens_max: 100'

t.test('built-in prices are good for some days', async (t) => {
  t.match(found(''), [{ level: 'ok', message: /models served/ }, { level: 'ok', message: /prices built in, as of 2026-01-01$/ }])
  t.match(found('', 30).at(-1), { level: 'ok' })
  t.match(found('', 31).at(-1), { level: 'warn', message: /31 days old/ })
})

t.test('models without a price are named, with what becomes of them', async (t) => {
  t.match(found(`${LOCAL}models: [${HOUSE} }]`, 99), [{ level: 'ok', message: '1 model served' }, { level: 'warn', message: 'models without a price are refused under budgets of money: house' }])
  t.match(found(`${LOCAL}models: [${HOUSE} }]\npolicies: { unpriced_model: allow }`)[1], { message: /pass budgets of money uncharged/ })
  t.same(found(`${LOCAL}models: [${HOUSE}, price: { currency: CNY, input_per_1k: 1, output_per_1k: 1 } }]`, 99).map(({ level }) => level), ['ok'], 'a price of one\'s own does not age')
})

t.test('a gateway that serves nothing is told so', async (t) => {
  t.match(found(LOCAL), [{ level: 'warn', message: 'no model is served' }])
})
