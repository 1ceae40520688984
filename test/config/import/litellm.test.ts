import t from 'tap'
import { ImportError } from '../../../src/config/import/source.ts'
import { fixture, litellm, loadedFrom, warningsOf } from './support.ts'

const TEAM = litellm(fixture('litellm-team.yaml'))

t.test('deployments become upstreams, one for each place and key, and models with their targets', async (t) => {
  const { upstreams, models } = loadedFrom(TEAM, { HOUSE_BASE: 'http://house.example/v1' })
  t.same(upstreams.map(({ name, protocol, base_url: url, keys }) => [name, protocol, url, keys]), [
    ['dashscope', 'openai', 'https://dashscope.aliyuncs.com/compatible-mode/v1', ['value-of-dashscope_api_key']],
    ['dashscope-2', 'openai', 'https://dashscope.aliyuncs.com/compatible-mode/v1', ['value-of-imported_dashscope_api_key']],
    ['hosted_vllm', 'openai', 'http://10.0.0.5:8000/v1', ['none']],
    ['openai', 'openai', 'http://house.example/v1', ['value-of-house_key']]
  ])
  const [plus, coder, house] = models
  t.match(plus, { name: 'qwen-plus', aliases: ['gpt-4'], price: { currency: 'USD', input_per_1k: 0.00011, output_per_1k: 0.00028 } })
  t.same(plus?.targets, [
    { upstream: 'dashscope', weight: 500, priority: 0 },
    { upstream: 'dashscope-2', weight: 1000, priority: 0 },
    { upstream: 'openai', model: 'house', weight: 1, priority: 1 }
  ], 'weighed by rpm, with what it falls back on behind')
  t.match(coder, { aliases: ['code'], targets: [{ model: 'qwen3-coder-plus', priority: 0 }, { model: 'Qwen/Qwen2.5-Coder-32B-Instruct', priority: 1 }] })
  t.match(house, { context_tokens: 65_536, input_tokens_max: 60_000, output_tokens_max: 4_096, price: { input_per_1k: 0.000001, output_per_1k: 0.001 } })
  t.equal(models.length, 3)
})

t.test('the longest timeout holds, up to what is allowed, and the whole file\'s where there is none', async (t) => {
  const { upstreams } = loadedFrom(TEAM, { HOUSE_BASE: 'http://house.example/v1' })
  t.same(upstreams.map(({ timeouts }) => timeouts.total), ['120s', '5400s', '5400s', '5400s'])
})

t.test('secrets become variables, and those that were variables stay what they are', async (t) => {
  t.same(TEAM.variables, [
    { name: 'DASHSCOPE_API_KEY', path: 'model_list[0].litellm_params.api_key', moved: false },
    { name: 'IMPORTED_DASHSCOPE_API_KEY', path: 'model_list[1].litellm_params.api_key', moved: true },
    { name: 'HOUSE_BASE', path: 'model_list[4].litellm_params.api_base', moved: false },
    { name: 'HOUSE_KEY', path: 'model_list[4].litellm_params.api_key', moved: false },
    { name: 'LITELLM_MASTER_KEY', path: 'general_settings.master_key', moved: false }
  ])
  t.match(loadedFrom(TEAM, { HOUSE_BASE: 'http://house.example/v1' }).secrets, { bootstrap_key: 'value-of-litellm_master_key' })
  const told = JSON.stringify(TEAM)
  for (const secret of ['sk-literal', 'sk-ant', 'hunter2', 'pass-word', 'sk-lf']) t.notMatch(told, secret)
})

t.test('secrets are kept if they are wanted, whatever is in them', async (t) => {
  const kept = litellm(fixture('litellm-weights.yaml'), { keepSecrets: true })
  t.same(kept.variables, [])
  t.same(loadedFrom(kept).upstreams.map(({ keys }) => keys), [['key-one'], ['key-two'], ['key-$three']])
})

t.test('a literal key is not mistaken for the variable another entry names', async (t) => {
  const both = litellm(`model_list:
  - { model_name: a, litellm_params: { model: openai/a, api_key: sk-literal } }
  - { model_name: b, litellm_params: { model: openai/b } }
  - { model_name: c, litellm_params: { model: openai/c, api_key: sk-literal } }`)
  t.same(loadedFrom(both).upstreams.map(({ keys }) => keys), [['value-of-imported_openai_api_key'], ['value-of-openai_api_key']])
})

t.test('nothing is left out in silence', async (t) => {
  const told = warningsOf(TEAM)
  const expected = [
    /^model_list\[[01]\]\.litellm_params\.rpm: no upstream is limited here/,
    /^model_list\[0\]\.litellm_params\.tpm: /,
    /^model_list\[0\]\.model_info\.id: has no counterpart/,
    /^model_list\[0\]\.model_info\.supports_function_calling: has no counterpart/,
    /^model_list\[3\]\.litellm_params\.temperature: has no counterpart/,
    /^model_list\[4\]\.model_info\.input_cost_per_token: is rounded up/,
    /^model_list\[5\]\.litellm_params: the model is not for chat; the entry is left out/,
    /^model_list\[6\]\.litellm_params: names no model of a provider that speaks OpenAI's protocol; the entry is left out/,
    /^model_list\[7\]\.litellm_params: the model has no name that clients could send here/,
    /^model_list\[2\]: the limits of coder are not in the file; what is marked as assumed/,
    /^litellm_settings\.(drop_params|num_retries|success_callback|cache|cache_params|context_window_fallbacks): /,
    /^router_settings\.(routing_strategy|redis_host|redis_password): /,
    /^router_settings\.model_group_alias\.qwen-max: cannot be an alias/,
    /^router_settings\.fallbacks: there is no model gone/,
    /^general_settings\.(master_key|database_url|store_model_in_db): /,
    /^environment_variables: is left out: set what is needed/,
    /^: virtual keys, teams, users and their budgets are in LiteLLM's database/
  ]
  for (const pattern of expected) t.ok(told.some((line) => pattern.test(line)), String(pattern))
  for (const line of told) t.ok(expected.some((pattern) => pattern.test(line)) || /timeout|charged at the price|has no price/.test(line), line)
})

t.test('a name that is no provider\'s prefix goes to OpenAI, with its variable and its quirks', async (t) => {
  const small = litellm(fixture('litellm-small.yaml'))
  t.match(loadedFrom(small), {
    secrets: { bootstrap_key: undefined },
    upstreams: [
      { base_url: 'https://api.openai.com/v1', keys: ['value-of-openai_api_key'], quirks: { extensions: false, max_completion_tokens: true } },
      { base_url: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1', quirks: undefined }
    ],
    models: [{ name: 'gpt-4o', context_tokens: 131_072, output_tokens_max: 8_192 }, { name: 'qwen-max', context_tokens: undefined }]
  })
  t.match(small.yaml, /context_tokens: 131072 # assumed\n/)
  t.ok(warningsOf(small).some((line) => /^general_settings\.master_key: is left out, as it is shorter/.test(line)))
})

t.test('weights of any size keep their proportions, and default fallbacks stand behind every model', async (t) => {
  const { models } = loadedFrom(litellm(fixture('litellm-weights.yaml')))
  t.same(models[0]?.targets?.map(({ weight, priority, model }) => [model, weight, priority]), [['a', 1000, 0], ['b', 286, 0], ['c', 143, 0], ['d', 1, 1]])
  t.same(models[1]?.targets?.map(({ model }) => model), ['d'])
})

t.test('an alias for a built-in model takes that model\'s limits', async (t) => {
  const { models } = loadedFrom(litellm('model_list: [{ model_name: fast, litellm_params: { model: dashscope/qwen-turbo } }]'))
  t.match(models, [{ name: 'fast', context_tokens: 131_072, input_tokens_max: 129_024, output_tokens_max: 16_384 }])
})

t.test('the dearest of several prices holds', async (t) => {
  const entry = (input: number, output: number) => ({ model_name: 'm', litellm_params: { model: 'openai/m', input_cost_per_token: input, output_cost_per_token: output } })
  const imported = litellm(JSON.stringify({ model_list: [entry(2e-6, 1e-6), entry(1e-6, 3e-6)] }))
  t.match(loadedFrom(imported).models[0]?.price, { input_per_1k: 0.002, output_per_1k: 0.003 })
  t.ok(warningsOf(imported).some((line) => /the dearest price of m holds/.test(line)))
})

t.test('a price of cached input is taken over, and where one place has none its input is as dear as any', async (t) => {
  const entry = (cached?: number) => ({ model_name: 'm', litellm_params: { model: 'openai/m' }, model_info: { input_cost_per_token: 2e-6, output_cost_per_token: 4e-6, cache_read_input_token_cost: cached } })
  const priceOf = (...entries: object[]) => loadedFrom(litellm(JSON.stringify({ model_list: entries }))).models[0]?.price
  t.same(priceOf(entry(5e-7)), { currency: 'USD', input_per_1k: 0.002, output_per_1k: 0.004, cached_input_per_1k: 0.0005 })
  t.match(priceOf(entry(5e-7), entry()), { cached_input_per_1k: 0.002 })
})

t.test('values of another kind than they should be are told of and left out', async (t) => {
  const imported = litellm(JSON.stringify({
    model_list: [
      { model_name: 'm', litellm_params: { model: 'openai/m', rpm: 'many', order: {}, input_cost_per_token: -1, output_cost_per_token: 1e-6 }, model_info: { max_tokens: 1.5 } },
      'nonsense',
      { model_name: 'n', litellm_params: 'openai/n' },
      { model_name: 'o', litellm_params: { model: 'openai/o', api_base: 'nowhere' } }
    ],
    router_settings: [],
    general_settings: 5
  }))
  t.same(loadedFrom(imported).models.map(({ name }) => name), ['m'])
  const told = warningsOf(imported).join('\n')
  for (const path of ['[0].litellm_params.rpm: is not a number', '[0].litellm_params.input_cost_per_token: is no price', '[0].model_info.max_tokens: is no number of tokens',
    '[1]: is no mapping', '[2].litellm_params: is no mapping', '[3].litellm_params: api_base is no URL']) t.match(told, `model_list${path}`)
  t.match(told, 'general_settings: is no mapping')
})

t.test('a file that is no such configuration is refused without a piece of it', async (t) => {
  for (const text of ['', '[]', 'model_list: none', 'a: b', 'key: "sk-secret\n', 'sk-secret: sk-secret: sk-secret']) {
    const error = t.throws(() => litellm(text), ImportError) as ImportError
    t.notMatch(error.message, 'sk-secret', text)
  }
})
