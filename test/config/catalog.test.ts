import t from 'tap'
import { buildCatalog, needsSimulator } from '../../src/config/catalog.ts'
import { tierOf } from '../support/prices.ts'
import type { Catalog, Model } from '../../src/core/catalog.ts'
import { configOf, PROTOCOLS } from './support.ts'
import type { Given } from './support.ts'

const KEY = { DASHSCOPE_API_KEY: 'sk-1' }
const UPSTREAMS = `upstreams:
  - { name: first, protocol: dashscope, base_url: "http://first/api/v1///", keys: [a, { key: b, weight: 3, workspace: ws }] }
  - { name: second, protocol: openai, base_url: "http://second/v1", keys: [c], quirks: { extensions: false, developer_role: true }, timeouts: { idle: 500ms } }
`

function catalogOf (given: Given): Catalog {
  return buildCatalog(configOf(given), PROTOCOLS)
}

function modelOf (given: Given, name: string): Model {
  const model = catalogOf(given).resolve(name)
  if (model === undefined) throw new Error(`there is no model ${name}`)
  return model
}

t.test('the seed page\'s family has its limits and prices to the letter', async (t) => {
  const catalog = catalogOf({ environment: KEY })
  for (const name of ['qwen-coder-turbo', 'qwen-coder-turbo-latest', 'qwen-coder-turbo-0919', 'qwen-coder-turbo-2024-09-19']) {
    const model = catalog.models.get(name)
    t.match(model, { name, contextTokens: 131_072, inputTokensMax: 129_024, outputTokensMax: 8_192, tokenizer: 'qwen' })
    t.match(model?.targets, [{ model: name, priority: 0, weight: 1 }])
    t.same(model?.nativeDefaults, { resultFormat: 'text', incrementalOutput: false })
    t.same(model?.prices, [{
      fromMs: 0, currency: 'CNY', tiers: [tierOf(Number.MAX_SAFE_INTEGER, 2_000, 6_000)]
    }])
  }
})

t.test('prices by the length of the prompt keep their steps', async (t) => {
  t.same(modelOf({ environment: KEY }, 'qwen3-coder-plus').prices[0]?.tiers, [
    tierOf(32_768, 4_000, 16_000),
    tierOf(131_072, 6_000, 24_000),
    tierOf(262_144, 10_000, 40_000),
    tierOf(Number.MAX_SAFE_INTEGER, 20_000, 200_000)
  ])
})

t.test('every built-in model fits together', async (t) => {
  for (const model of catalogOf({ environment: KEY }).models.values()) {
    t.ok(model.inputTokensMax <= model.contextTokens && model.outputTokensMax <= model.contextTokens, model.name)
    t.ok(model.prices[0]?.tiers.every((tier) => Number.isSafeInteger(tier.inputNanoPerToken) && tier.inputNanoPerToken > 0), model.name)
    t.equal(model.prices[0]?.tiers.at(-1)?.inputTokensMax, Number.MAX_SAFE_INTEGER, model.name)
    t.ok(Number.isSafeInteger(model.createdSeconds), model.name)
  }
  t.equal(modelOf({ environment: KEY }, 'qwen-coder-turbo-0919').createdSeconds, Date.UTC(2024, 8, 19) / 1_000)
})

t.test('a target without quirks of its own has the defaults', async (t) => {
  t.same(modelOf({ environment: KEY }, 'qwen3.5-plus').targets[0]?.quirks, {
    extensions: true,
    developerRole: false,
    maxCompletionTokens: false,
    toolChoiceRequired: 'pass',
    streamOnly: false,
    nativeService: 'multimodal-generation'
  })
})

t.test('an upstream\'s settings arrive in the units the relay counts in', async (t) => {
  const [first] = modelOf({ yaml: UPSTREAMS }, 'qwen-max').targets
  t.match(first?.upstream, {
    name: 'first',
    baseUrl: 'http://first/api/v1',
    timeouts: { connectTimeoutMs: 5_000, firstByteTimeoutMs: 60_000, idleTimeoutMs: 60_000, totalTimeoutMs: 600_000 }
  })
  t.same(first?.upstream.keys, [{ id: 'ca978112ca1b', key: 'a', weight: 1 }, { id: '3e23e8160039', key: 'b', weight: 3, workspace: 'ws' }])
  t.equal(first?.upstream.protocol, PROTOCOLS.get('dashscope'))
})

t.test('built-in models are served by upstreams of DashScope\'s own protocol, in order', async (t) => {
  const upstreamsOf = (yaml: string) => catalogOf({ yaml }).resolve('qwen-max')?.targets.map((target) => [target.upstream.name, target.priority])
  t.same(upstreamsOf(UPSTREAMS), [['first', 0]])
  t.same(upstreamsOf(UPSTREAMS.replace('keys: [c]', 'keys: [c], builtin_models: true')), [['first', 0], ['second', 1]])
  t.same(upstreamsOf(UPSTREAMS.replace('keys: [a,', 'builtin_models: false, keys: [a,')), undefined)
})

t.test('an entry of the file changes what it names of a built-in model and leaves the rest', async (t) => {
  const yaml = 'models:\n  - { name: qwen-coder-turbo, output_tokens_max: 4096, native_defaults: { result_format: message }, quirks: { stream_only: true } }\n'
  const model = modelOf({ yaml, environment: KEY }, 'qwen-coder-turbo')
  t.match(model, { outputTokensMax: 4_096, inputTokensMax: 129_024, nativeDefaults: { resultFormat: 'message', incrementalOutput: false } })
  t.equal(model.prices[0]?.tiers[0]?.inputNanoPerToken, 2_000)
  t.match(model.targets[0]?.quirks, { streamOnly: true, extensions: true })
})

t.test('an entry of another name adds a model', async (t) => {
  const yaml = `${UPSTREAMS}models:
  - name: mine
    aliases: [other, toString]
    targets: [{ upstream: second, model: served-as }, { upstream: first, priority: 2, weight: 5 }]
    context_tokens: 1000
    output_tokens_max: 100
    native_service: multimodal-generation
    quirks: { extensions: true, tool_choice_required: reject, max_completion_tokens: true }
`
  const catalog = catalogOf({ yaml })
  const model = modelOf({ yaml }, 'other')
  t.match(model, { name: 'mine', contextTokens: 1_000, inputTokensMax: 1_000, outputTokensMax: 100, tokenizer: 'estimate', prices: [] })
  t.match(model.targets, [
    { upstream: { name: 'second', timeouts: { idleTimeoutMs: 500 } }, model: 'served-as', priority: 0, weight: 1 },
    { upstream: { name: 'first' }, model: 'mine', priority: 2, weight: 5 }
  ])
  t.same(model.targets.map((target) => [target.quirks.extensions, target.quirks.developerRole, target.quirks.toolChoiceRequired]),
    [[true, true, 'reject'], [true, false, 'reject']])
  t.ok(model.targets.every((target) => target.quirks.maxCompletionTokens && target.quirks.nativeService === 'multimodal-generation'))
  t.equal(catalog.resolve('toString'), catalog.models.get('mine'))
})

t.test('a configured price replaces the built-in one', async (t) => {
  const prices = (text: string) => modelOf({ yaml: `models:\n  - { name: qwen-max, price: ${text} }\n`, environment: KEY }, 'qwen-max').prices
  t.same(prices('{ currency: USD, input_per_1k: 0.000001, output_per_1k: 0 }'), [{ fromMs: 0, currency: 'USD', tiers: [tierOf(Number.MAX_SAFE_INTEGER, 1, 0)] }])
  t.same(prices('{ currency: CNY, tiers: [{ input_tokens_max: 10, input_per_1k: 1, output_per_1k: 2 }, { input_per_1k: 3, output_per_1k: 4 }] }'), [{
    fromMs: 0, currency: 'CNY', tiers: [tierOf(10, 1_000_000, 2_000_000), tierOf(Number.MAX_SAFE_INTEGER, 3_000_000, 4_000_000)]
  }])
})

t.test('cached input and thought answers have rates of their own where they are given, tier by tier', async (t) => {
  const tiersOf = (text: string) => modelOf({ yaml: `models:\n  - { name: qwen-max, price: ${text} }\n`, environment: KEY }, 'qwen-max').prices[0]?.tiers
  t.match(tiersOf('{ currency: CNY, input_per_1k: 1, output_per_1k: 2, cached_input_per_1k: 0.1, reasoning_output_per_1k: 4 }'), [
    { inputNanoPerToken: 1_000_000, cachedInputNanoPerToken: 100_000, outputNanoPerToken: 2_000_000, reasoningOutputNanoPerToken: 4_000_000 }
  ])
  t.match(tiersOf('{ currency: CNY, tiers: [{ input_tokens_max: 10, input_per_1k: 1, output_per_1k: 2, cached_input_per_1k: 0 }, { input_per_1k: 3, output_per_1k: 4, reasoning_output_per_1k: 5 }] }'), [
    { cachedInputNanoPerToken: 0, reasoningOutputNanoPerToken: 2_000_000 }, { cachedInputNanoPerToken: 3_000_000, reasoningOutputNanoPerToken: 5_000_000 }
  ])
})

t.test('the built-in models that bill thought answers higher do so here', async (t) => {
  const ratesOf = (name: string) => modelOf({ environment: KEY }, name).prices[0]?.tiers.map((tier) => [tier.outputNanoPerToken, tier.reasoningOutputNanoPerToken])
  t.same(ratesOf('qwen-plus'), [[2_000, 8_000], [20_000, 24_000], [48_000, 64_000]])
  t.same(ratesOf('qwen-turbo'), [[600, 3_000]])
  t.same(ratesOf('qwen-flash')?.every(([plain, thought]) => plain === thought), true, 'no other rate is known')
})

t.test('of several prices each holds from its time on, and the built-in one before the first', async (t) => {
  const pricesOf = (name: string, from: string, more = '') => modelOf({
    yaml: `models:\n  - name: ${name}\n    price:\n      - { ${from}currency: CNY, input_per_1k: 1, output_per_1k: 1 }\n      - { from: 2026-04-01T00:00:00+08:00, currency: USD, input_per_1k: 2, output_per_1k: 2 }\n${more}`, environment: KEY
  }, name).prices
  const second = { fromMs: Date.UTC(2026, 2, 31, 16), currency: 'USD', tiers: [tierOf(Number.MAX_SAFE_INTEGER, 2_000_000, 2_000_000)] }
  const first = { currency: 'CNY', tiers: [tierOf(Number.MAX_SAFE_INTEGER, 1_000_000, 1_000_000)] }
  t.same(pricesOf('qwen-max', ''), [{ fromMs: 0, ...first }, second])
  t.same(pricesOf('qwen-max', 'from: "2026-03-01T00:00:00Z", '), [
    { fromMs: 0, currency: 'CNY', tiers: [tierOf(Number.MAX_SAFE_INTEGER, 2_400, 9_600)] }, { fromMs: Date.UTC(2026, 2, 1), ...first }, second
  ])
  t.same(pricesOf('mine', '', '    context_tokens: 1000\n    output_tokens_max: 100\n'), [{ fromMs: 0, ...first }, second])
})

t.test('names of object prototypes are no models', async (t) => {
  const catalog = catalogOf({ environment: KEY })
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'QWEN-MAX']) t.equal(catalog.resolve(name), undefined, name)
})

t.test('without an upstream the simulator answers, and it has to be running', async (t) => {
  const config = configOf({})
  t.ok(needsSimulator(config))
  t.notOk(needsSimulator(configOf({ environment: KEY })))
  t.throws(() => buildCatalog(config, PROTOCOLS), { message: 'no upstream is configured, and the simulator is not running' })
  const model = buildCatalog(config, PROTOCOLS, { simulatorBaseUrl: 'http://127.0.0.1:1/api/v1' }).resolve('qwen-max')
  t.match(model?.targets, [{ upstream: { name: 'simulator', baseUrl: 'http://127.0.0.1:1/api/v1' } }])
})

t.test('a protocol this server does not speak is said', async (t) => {
  t.throws(() => buildCatalog(configOf({ environment: KEY }), new Map()), { message: /upstream dashscope: .*does not speak the protocol dashscope/ })
})

t.test('vendor rules come from the policy, and defaults from the model, its alias or else its family', async (t) => {
  const { vendorRules } = catalogOf({ yaml: 'policies: { vendor_rules: strict }\n', environment: KEY })
  t.equal(vendorRules.strict, true)
  t.equal(catalogOf({ environment: KEY }).vendorRules.strict, false)
  t.same(vendorRules.nativeDefaults('qwen-coder-turbo'), { resultFormat: 'text', incrementalOutput: false })
  t.same(vendorRules.nativeDefaults('qwen3-max-of-tomorrow'), vendorRules.nativeDefaults('qwen3-max'))
})

t.test('policies come from the configuration', async (t) => {
  const yaml = 'policies: { output_over_cap: clamp, client_abort: drain, vendor_rules: strict, budget_fit: reject, unpriced_model: allow }\n'
  t.same(catalogOf({ yaml, environment: KEY }).policies, {
    outputOverCap: 'clamp', clientAbort: 'drain', budgetFit: 'reject', unpricedModel: 'allow'
  })
  t.same(catalogOf({ environment: KEY }).policies, {
    outputOverCap: 'reject', clientAbort: 'cancel', budgetFit: 'clamp', unpricedModel: 'reject'
  })
})
