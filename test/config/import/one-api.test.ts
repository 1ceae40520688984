import t from 'tap'
import { ImportError } from '../../../src/config/import/source.ts'
import { baseUrlOf } from '../../../src/config/import/one-api-types.ts'
import { fixture, loadedFrom, oneApi, warningsOf } from './support.ts'

const ONE = oneApi(fixture('one-api.json'))
const NEW = oneApi(fixture('new-api.json'))

t.test('channels become upstreams, DashScope\'s own in its protocol', async (t) => {
  t.same(loadedFrom(ONE).upstreams.map(({ name, protocol, base_url: url, keys, builtin_models: builtIn }) => [name, protocol, url, keys.length, builtIn]), [
    ['channel-3', 'dashscope', 'https://dashscope.aliyuncs.com/api/v1', 2, false],
    ['proxy', 'openai', 'https://llm.example.com/v1', 1, undefined],
    ['proxy-2', 'openai', 'https://dashscope.aliyuncs.com/compatible-mode/v1', 1, undefined]
  ])
  t.same(loadedFrom(NEW).upstreams.map(({ name, protocol, base_url: url, keys }) => [name, protocol, url, keys.length]), [
    ['ali-cn', 'dashscope', 'https://dashscope.aliyuncs.com/api/v1', 2],
    ['ali-intl', 'dashscope', 'https://dashscope-intl.aliyuncs.com/api/v1', 1],
    ['deepseek', 'openai', 'https://api.deepseek.com/v1', 1],
    ['custom', 'openai', 'https://api.example.com/v2', 1]
  ])
})

t.test('a model is served by all its channels, that of the highest priority first', async (t) => {
  const { models } = loadedFrom(ONE)
  t.same(models.map(({ name }) => name), ['qwen-turbo', 'qwen-plus', 'qwen-max', 'gpt-4o-mini'])
  t.same(models[1]?.targets, [
    { upstream: 'channel-3', priority: 0, weight: 1 },
    { upstream: 'proxy', model: 'qwen-plus-2025-04-28', priority: 1, weight: 5 }
  ])
  t.same(models[2]?.targets, [{ upstream: 'channel-3', priority: 0, weight: 1 }, { upstream: 'proxy-2', priority: 0, weight: 1 }])
  t.match(models[3], { context_tokens: 131_072, output_tokens_max: 8_192 })
  t.same(loadedFrom(NEW).models[0]?.targets, [{ upstream: 'ali-cn', weight: 100, priority: 0 }, { upstream: 'ali-intl', weight: 1000, priority: 0 }])
})

t.test('the same number is another type in the other program', async (t) => {
  const channel = { type: 36, key: 'sk-1', name: 'x', models: 'm', status: 1 }
  t.match(loadedFrom(oneApi(JSON.stringify([channel]))).upstreams, [{ base_url: 'https://api.deepseek.com/v1' }])
  t.match(warningsOf(oneApi(JSON.stringify([{ ...channel, channel_info: {} }]))), [/^: is read as an export of new-api/, /^\[0\]\.type: the channel is left out: channels of type 36/])
})

t.test('keys become variables one by one, but for those that are disabled', async (t) => {
  t.same(NEW.variables.map(({ name, moved }) => [name, moved]), [
    ['IMPORTED_ALI_CN_KEY', true], ['IMPORTED_ALI_CN_KEY_2', true], ['IMPORTED_ALI_INTL_KEY', true], ['IMPORTED_DEEPSEEK_KEY', false], ['IMPORTED_CUSTOM_KEY', true]
  ])
  const kept = oneApi(fixture('new-api.json'), { keepSecrets: true })
  t.same(kept.variables.map(({ name }) => name), ['IMPORTED_DEEPSEEK_KEY'], 'a key that is not there cannot be kept')
  t.same(loadedFrom(kept).upstreams[0]?.keys, ['sk-one', 'sk-three'])
  for (const imported of [ONE, NEW]) t.notMatch(JSON.stringify(imported), /sk-(ali|one|two|intl|custom|proxy|off|ant|bailian)/)
})

t.test('nothing is left out in silence', async (t) => {
  const told = [...warningsOf(ONE), ...warningsOf(NEW)].join('\n')
  for (const line of [
    'data: is read as an export of one-api', 'data[0].name: the upstream is called channel-3', 'data[0].group: there are no groups here',
    'data[0].models: text-embedding-v1 is not for chat', 'data[0].config: has no counterpart', 'data[2].type: the channel is left out: it is disabled',
    'data[3].type: the channel is left out: channels of type 14', 'data[1].models: the limits of gpt-4o-mini are not in the file',
    'data: what the program notes of each channel is left out: created_time, test_time', ': users, their tokens, quotas',
    '[0].key: the keys that are disabled', '[0].tag: has no counterpart', '[0].setting: has no counterpart', '[0].param_override: has no counterpart',
    '[1].weight: is 1000 here', '[2].key: the export has no key in it', '[4].type: the channel is left out: its base_url is no URL'
  ]) t.match(told, line)
})

t.test('an export comes as a list, or in either of the API\'s answers', async (t) => {
  const list = [{ type: 1, key: 'sk-1', name: 'x', models: 'm' }]
  for (const [value, path] of [[list, '[0]'], [{ data: list }, 'data[0]'], [{ data: { items: list, total: 1 } }, 'data.items[0]']] as const) {
    const imported = oneApi(JSON.stringify(value))
    t.equal(loadedFrom(imported).upstreams.length, 1)
    t.equal(imported.variables[0]?.path, `${path}.key`)
  }
  for (const text of ['', '{}', '[]', '[1]', '{"data":[{"key":"sk-secret"}]}', 'sk-secret']) {
    const error = t.throws(() => oneApi(text), ImportError) as ImportError
    t.notMatch(error.message, 'sk-secret')
  }
})

t.test('a base URL is brought to the form of its protocol', async (t) => {
  const ali = { protocol: 'dashscope', host: 'https://d.example', path: '/api/v1' } as const
  for (const given of [undefined, 'https://d.example', 'https://d.example/', 'https://d.example/api/v1', 'https://d.example/compatible-mode', 'https://d.example/compatible-mode/v1/']) {
    t.equal(baseUrlOf(ali, given), 'https://d.example/api/v1', String(given))
  }
  const other = { protocol: 'openai', path: '/v1' } as const
  t.equal(baseUrlOf(other, 'http://x:1/v1/'), 'http://x:1/v1')
  t.equal(baseUrlOf(other, 'http://x:1/api/v3/chat/completions'), 'http://x:1/api/v3')
  t.equal(baseUrlOf(other, 'http://x:1/openai'), 'http://x:1/openai/v1')
  for (const bad of [undefined, 'x', 'ftp://x/']) t.equal(baseUrlOf(other, bad), undefined)
})
