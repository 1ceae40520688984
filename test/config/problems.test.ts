/* eslint no-template-curly-in-string: off -- the configuration's own variables look like that */
import t from 'tap'
import { loadConfig, readTextFile } from '../../src/config/load.ts'
import { problemsOf } from './support.ts'

const UPSTREAM = 'upstreams:\n  - { name: a, protocol: openai, base_url: "http://h/v1", keys: [k] }\n'
const LIMITS = 'context_tokens: 9, output_tokens_max: 9'

interface Refusal { readonly name: string, readonly yaml: string, readonly problems: readonly string[] }

const REFUSALS: readonly Refusal[] = [
  { name: 'broken YAML', yaml: 'server:\n  port: 1\n port: 2\n', problems: ['3:1 All mapping items must start at the same column'] },
  { name: 'the same key twice', yaml: 'log_level: info\nlog_level: warn\n', problems: ['2:1 Map keys must be unique'] },
  { name: 'a second document', yaml: 'log_level: info\n---\na: 1\n', problems: ['2:1 Source contains multiple documents; please use YAML.parseAllDocuments()'] },
  { name: 'an alias of nothing', yaml: 'log_level: *none\n', problems: ['1:12 there is no such anchor before this alias'] },
  { name: 'a list in place of the whole', yaml: '- 1\n', problems: ['1:1 must be a mapping'] },
  { name: 'a text in place of the whole', yaml: 'hello\n', problems: ['1:1 must be a mapping'] },
  { name: 'an unknown setting', yaml: 'server:\n  prot: 1\n', problems: ['2:3 server.prot: is not a setting'] },
  { name: 'a setting that names a prototype', yaml: '__proto__: { a: 1 }\n', problems: ['1:1 __proto__: is not a setting'] },
  { name: 'a number in place of a section', yaml: 'server: 5\n', problems: ['1:9 server: must be a mapping'] },
  { name: 'nothing in place of a setting', yaml: 'server:\n  host:\nlog_level: info\n', problems: ['2:8 server.host: must be a text'] },
  { name: 'a text in place of a number', yaml: 'server:\n  port: "80"\n', problems: ['2:9 server.port: must be a whole number'] },
  { name: 'a port there is not', yaml: 'server: { port: 65536 }\n', problems: ['1:17 server.port: must be at most 65535'] },
  { name: 'a body limit of nothing', yaml: 'server: { body_bytes_max: 1 }\n', problems: ['1:27 server.body_bytes_max: must be at least 1024'] },
  { name: 'a word that is none of the choices', yaml: 'policies:\n  client_abort: drian\n', problems: ['2:17 policies.client_abort: must be one of cancel, drain'] },
  { name: 'a duration without a unit', yaml: 'server: { shutdown_timeout: "5" }\n', problems: ['1:29 server.shutdown_timeout: must be a duration such as 500ms, 5s, 10m or 2h'] },
  { name: 'a duration no timer can wait', yaml: 'server: { shutdown_timeout: 25h }\n', problems: ['1:29 server.shutdown_timeout: must be at most 24h'] },
  { name: 'a short token', yaml: 'secrets:\n  admin_token: short\n', problems: ['2:16 secrets.admin_token: must have at least 32 characters'] },
  { name: 'a token far too long', yaml: `secrets: { admin_token: ${'a'.repeat(513)} }\n`, problems: ['1:25 secrets.admin_token: must have at most 512 characters'] },
  { name: 'a token that was left as an example has it', yaml: 'secrets: { admin_token: changeme-changeme-changeme-changeme }\n', problems: ['1:25 secrets.admin_token: looks like a placeholder; set one of your own, such as from "openssl rand -base64 32"'] },
  { name: 'a secret of before without one of now', yaml: `secrets: { previous_master_secret: ${'a'.repeat(32)} }\n`, problems: ['1:36 secrets.previous_master_secret: stands beside no master_secret that takes its place (DASHGATE_SECRET)'] },
  { name: 'a secret that replaces itself', yaml: `secrets: { master_secret: &a ${'a'.repeat(32)}, previous_master_secret: *a }\n`, problems: ['1:88 secrets.previous_master_secret: is the same as master_secret'] },
  { name: 'a variable that is not set', yaml: 'server:\n  host: ${NONE}\n', problems: ['2:9 server.host: the environment variable NONE is not set'] },
  { name: 'a variable in a list', yaml: 'upstreams: [{ name: a, protocol: openai, base_url: "http://h", keys: [k, "${NONE}"] }]\n', problems: ['1:74 upstreams[0].keys[1]: the environment variable NONE is not set'] },
  { name: 'the two listeners on one port', yaml: 'admin: { port: 8787 }\n', problems: ['1:16 admin.port: must differ from the port of the inference listener'] },
  { name: 'an answer that outlives its reservation', yaml: 'upstreams:\n  - { name: a, protocol: openai, base_url: "http://h", keys: [k], timeouts: { total: 2h } }\n', problems: ['2:86 upstreams[0].timeouts.total: must be at most 90m'] },
  { name: 'a Redis', yaml: 'store: { redis_url: "http://h" }\nsecrets: { master_secret: 0123456789abcdef0123456789abcdef }\n', problems: ['1:21 store.redis_url: must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://'] },
  { name: 'a Redis without the secret that replicas share', yaml: 'store: { redis_url: "redis://h" }\n', problems: ['1:1 secrets.master_secret: is required with Redis, and the same on every replica (DASHGATE_SECRET)'] },

  { name: 'an upstream without anything', yaml: 'upstreams:\n  - {}\n', problems: ['name', 'protocol', 'base_url', 'keys'].map((name) => `2:5 upstreams[0].${name}: is required`) },
  { name: 'an upstream that is no mapping', yaml: 'upstreams: [null]\n', problems: ['1:13 upstreams[0]: must be a mapping'] },
  { name: 'a name with a space', yaml: UPSTREAM.replace('name: a', 'name: a b'), problems: ['2:13 upstreams[0].name: must be a name: 1 to 128 letters, digits and . _ : / @ -, the first a letter or digit'] },
  { name: 'two upstreams of one name', yaml: `${UPSTREAM}  - { name: a, protocol: openai, base_url: "http://h/v1", keys: [k] }\n`, problems: ['3:13 upstreams[1].name: another upstream has this name'] },
  { name: 'no keys', yaml: UPSTREAM.replace('[k]', '[]'), problems: ['2:65 upstreams[0].keys: must not be empty'] },
  { name: 'an empty key', yaml: UPSTREAM.replace('[k]', '[""]'), problems: ['2:66 upstreams[0].keys[0]: must not be empty'] },
  { name: 'a key that would break a header', yaml: UPSTREAM.replace('[k]', '["a\\nb"]'), problems: ['2:66 upstreams[0].keys[0]: must be printable ASCII without spaces, as it is sent in a header'] },
  { name: 'a number as a key', yaml: UPSTREAM.replace('[k]', '[5]'), problems: ['2:66 upstreams[0].keys[0]: must be a text or a mapping'] },
  { name: 'a key with an unknown setting', yaml: UPSTREAM.replace('[k]', '[{ key: k, wieght: 2 }]'), problems: ['2:76 upstreams[0].keys[0].wieght: is not a setting'] },
  { name: 'a URL that is none', yaml: UPSTREAM.replace('http://h/v1', 'h'), problems: ['2:44 upstreams[0].base_url: must be a URL such as https://dashscope.aliyuncs.com/api/v1'] },
  { name: 'a URL of another scheme', yaml: UPSTREAM.replace('http://h/v1', 'file:///etc'), problems: ['2:44 upstreams[0].base_url: must start with http:// or https://'] },
  { name: 'a password in a URL', yaml: UPSTREAM.replace('http://h/v1', 'http://u:p@h'), problems: ['2:44 upstreams[0].base_url: must hold no user name or password; put the key under keys'] },
  { name: 'a query in a URL', yaml: UPSTREAM.replace('http://h/v1', 'http://h/v1?'), problems: ['2:44 upstreams[0].base_url: must hold no query and no fragment'] },
  { name: 'a fragment in a URL', yaml: UPSTREAM.replace('http://h/v1', 'http://h/v1#a'), problems: ['2:44 upstreams[0].base_url: must hold no query and no fragment'] },

  { name: 'a new model without limits', yaml: 'models:\n  - name: new\n', problems: ['context_tokens', 'output_tokens_max'].map((name) => `2:5 models[0].${name}: is required for a model that is not built in`) },
  { name: 'two models of one name', yaml: 'models:\n  - name: qwen-max\n  - name: qwen-max\n', problems: ['3:11 models[1].name: another model has this name'] },
  { name: 'an alias that is a built-in model', yaml: 'models:\n  - { name: qwen-max, aliases: [qwen-plus] }\n', problems: ['2:33 models[0].aliases[0]: a model has this name'] },
  { name: 'an alias that is a model of the file', yaml: `models:\n  - { name: a, aliases: [b], ${LIMITS} }\n  - { name: b, ${LIMITS} }\n`, problems: ['2:26 models[0].aliases[0]: a model has this name'] },
  { name: 'an alias given twice', yaml: 'models:\n  - { name: qwen-max, aliases: [a] }\n  - { name: qwen-plus, aliases: [a] }\n', problems: ['3:34 models[1].aliases[0]: another alias has this name'] },
  { name: 'a target nobody knows', yaml: `${UPSTREAM}models:\n  - { name: qwen-max, targets: [{ upstream: b }] }\n`, problems: ['4:45 models[0].targets[0].upstream: there is no such upstream; there is a'] },
  { name: 'a target where only the simulator is', yaml: 'models:\n  - { name: qwen-max, targets: [{ upstream: b }] }\n', problems: ['2:45 models[0].targets[0].upstream: there is no such upstream; there is simulator'] },
  { name: 'a model nobody serves', yaml: `${UPSTREAM}models:\n  - { name: b, ${LIMITS} }\n`, problems: ['4:5 models[0].targets: is required, as no upstream has builtin_models'] },
  { name: 'a prompt longer than the context', yaml: 'models:\n  - { name: qwen-max, input_tokens_max: 32769 }\n', problems: ['2:41 models[0].input_tokens_max: 32769 tokens are more than the context of 32768'] },
  { name: 'a context shorter than the answer', yaml: 'models:\n  - { name: b, context_tokens: 8, output_tokens_max: 9 }\n', problems: ['2:54 models[0].output_tokens_max: 9 tokens are more than the context of 8'] }
]

const PRICES: readonly Refusal[] = [
  { name: 'no amount', yaml: '{ currency: CNY }', problems: ['3:12 models[0].price.input_per_1k: is required where there are no tiers', '3:12 models[0].price.output_per_1k: is required where there are no tiers'] },
  { name: 'half of it', yaml: '{ currency: CNY, input_per_1k: 1 }', problems: ['3:12 models[0].price.output_per_1k: is required where there are no tiers'] },
  { name: 'no currency code', yaml: '{ currency: yuan, input_per_1k: 1, output_per_1k: 1 }', problems: ['3:24 models[0].price.currency: must be a currency code such as CNY'] },
  { name: 'less than nothing', yaml: '{ currency: CNY, input_per_1k: -1, output_per_1k: 1 }', problems: ['3:43 models[0].price.input_per_1k: must be at least 0'] },
  {
    name: 'an amount that is not exact per token',
    yaml: '{ currency: CNY, input_per_1k: 0.0000001, output_per_1k: 1 }',
    problems: ['3:43 models[0].price.input_per_1k: must be below 1000000 and have at most 6 decimals, so that the price of one token is exact']
  },
  {
    name: 'both forms',
    yaml: '{ currency: CNY, input_per_1k: 1, output_per_1k: 1, tiers: [{ input_per_1k: 1, output_per_1k: 1 }] }',
    problems: ['3:71 models[0].price.tiers: stands beside input_per_1k and output_per_1k; give one or the other']
  },
  {
    name: 'tiers out of order',
    yaml: '{ currency: CNY, tiers: [{ input_tokens_max: 9, input_per_1k: 1, output_per_1k: 1 }, { input_tokens_max: 9, input_per_1k: 1, output_per_1k: 1 }, { input_per_1k: 1, output_per_1k: 1 }] }',
    problems: ['3:117 models[0].price.tiers[1].input_tokens_max: must be larger than in the tier before']
  },
  {
    name: 'an end of the last tier',
    yaml: '{ currency: CNY, tiers: [{ input_tokens_max: 9, input_per_1k: 1, output_per_1k: 1 }] }',
    problems: ['3:57 models[0].price.tiers[0].input_tokens_max: must be left out in the last tier, which has no end']
  },
  {
    name: 'no end of another tier',
    yaml: '{ currency: CNY, tiers: [{ input_per_1k: 1, output_per_1k: 1 }, { input_per_1k: 1, output_per_1k: 1 }] }',
    problems: ['3:37 models[0].price.tiers[0].input_tokens_max: is required in every tier but the last']
  },
  {
    name: 'a rate below nothing in a tier',
    yaml: '{ currency: CNY, cached_input_per_1k: 1, tiers: [{ input_per_1k: 1, output_per_1k: 1, reasoning_output_per_1k: -1 }] }',
    problems: ['3:123 models[0].price.tiers[0].reasoning_output_per_1k: must be at least 0']
  },
  {
    name: 'a rate for all prompts beside tiers',
    yaml: '{ currency: CNY, cached_input_per_1k: 1, tiers: [{ input_per_1k: 1, output_per_1k: 1 }] }',
    problems: ['3:60 models[0].price.tiers: stands beside cached_input_per_1k; give one or the other']
  },
  { name: 'another type', yaml: 'free', problems: ['3:12 models[0].price: must be a mapping or a list'] },
  { name: 'nothing in its list', yaml: '[]', problems: ['3:12 models[0].price: must not be empty'] },
  { name: 'a date of its own', yaml: '{ from: 2026-04-01T00:00:00Z, currency: CNY, input_per_1k: 1, output_per_1k: 1 }', problems: ['3:14 models[0].price.from: is not a setting'] }
]

const FLAT = 'currency: CNY, input_per_1k: 1, output_per_1k: 1'

const DATED_PRICES: readonly Refusal[] = [
  { name: 'two from the same moment on', yaml: `[{ ${FLAT} }, { from: 2026-04-01T00:00:00+08:00, ${FLAT} }, { from: 2026-03-31T16:00:00Z, ${FLAT} }]`, problems: ['3:162 models[0].price[2].from: must be later than in the price before'] },
  { name: 'the later before the earlier', yaml: `[{ from: 2026-04-02T00:00:00Z, ${FLAT} }, { from: 2026-04-01T00:00:00Z, ${FLAT} }]`, problems: ['3:103 models[0].price[1].from: must be later than in the price before'] },
  { name: 'one that does not say since when', yaml: `[{ ${FLAT} }, { ${FLAT} }]`, problems: ['3:67 models[0].price[1].from: is required in every price but the first'] },
  { name: 'a date without its offset', yaml: `[{ from: 2026-04-01T00:00:00, ${FLAT} }]`, problems: ['3:21 models[0].price[0].from: must be a time with its offset, such as 2026-04-01T00:00:00+08:00'] },
  { name: 'a day that does not exist', yaml: `[{ from: 2026-02-30T00:00:00Z, ${FLAT} }]`, problems: ['3:21 models[0].price[0].from: must be a time with its offset, such as 2026-04-01T00:00:00+08:00'] },
  { name: 'no amount in one of them', yaml: `[{ ${FLAT} }, { from: 2026-04-01T00:00:00Z, currency: CNY, input_per_1k: 1 }]`, problems: ['3:67 models[0].price[1].output_per_1k: is required where there are no tiers'] },
  { name: 'something else in the list', yaml: `[{ ${FLAT} }, 7]`, problems: ['3:67 models[0].price[1]: must be a mapping'] }
]

for (const { name, yaml, problems } of REFUSALS) {
  t.test(`${name} is refused at its place`, async (t) => {
    t.same(problemsOf({ yaml }), problems.map((problem) => `./dashgate.yaml:${problem}`))
  })
}

t.test('a first price with a date, where there is none before it, is refused at its place', async (t) => {
  t.same(problemsOf({ yaml: `models:\n  - name: b\n    context_tokens: 9\n    output_tokens_max: 9\n    price: [{ from: 2026-04-01T00:00:00Z, ${FLAT} }]\n` }), [
    './dashgate.yaml:5:21 models[0].price[0].from: must be left out in the first price of a model that is not built in, which has no price before it'
  ])
})

for (const { name, yaml, problems } of [...PRICES, ...DATED_PRICES]) {
  t.test(`a price with ${name} is refused at its place`, async (t) => {
    const found = problemsOf({ yaml: `models:\n  - name: qwen-max\n    price: ${yaml}\n` })
    t.same(found, problems.map((problem) => `./dashgate.yaml:${problem}`))
  })
}

t.test('everything that is wrong is said at once, from top to bottom', async (t) => {
  const yaml = 'log_level: loud\nserver:\n  prot: ${NONE}\n  port: x\nupstreams:\n  - { name: a b }\nmodels:\n  - { name: new }\n  - { name: qwen-max, context_tokens: no }\n'
  t.same(problemsOf({ yaml, environment: { DASHGATE_ADMIN_PORT: 'y', DASHGATE_SECRET: 'short' }, flags: { port: 'z' } }), [
    'command line --port: must be a whole number',
    'environment DASHGATE_ADMIN_PORT: must be a whole number',
    'environment DASHGATE_SECRET: must have at least 32 characters',
    './dashgate.yaml:1:12 log_level: must be one of fatal, error, warn, info, debug, trace, silent',
    './dashgate.yaml:3:3 server.prot: is not a setting',
    './dashgate.yaml:3:9 server.prot: the environment variable NONE is not set',
    './dashgate.yaml:6:5 upstreams[0].protocol: is required',
    './dashgate.yaml:6:5 upstreams[0].base_url: is required',
    './dashgate.yaml:6:5 upstreams[0].keys: is required',
    './dashgate.yaml:6:13 upstreams[0].name: must be a name: 1 to 128 letters, digits and . _ : / @ -, the first a letter or digit',
    './dashgate.yaml:8:5 models[0].context_tokens: is required for a model that is not built in',
    './dashgate.yaml:8:5 models[0].output_tokens_max: is required for a model that is not built in',
    './dashgate.yaml:8:5 models[0].targets: is required, as no upstream has builtin_models',
    './dashgate.yaml:9:39 models[1].context_tokens: must be a whole number'
  ])
})

t.test('more than a handful of mistakes are all said', async (t) => {
  const yaml = `models:\n${'  - { nam: x }\n'.repeat(50)}`
  t.equal(problemsOf({ yaml }).length, 100)
})

t.test('a setting of the environment is at fault there', async (t) => {
  const cases = [
    [{ REDIS_URL: 'h', DASHGATE_SECRET: '0123456789abcdef0123456789abcdef' }, 'REDIS_URL: must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://'],
    [{ PORT: '8o8o' }, 'PORT: must be a whole number'],
    [{ PORT: '99999' }, 'PORT: must be at most 65535'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL: must be one of fatal, error, warn, info, debug, trace, silent'],
    [{ DASHGATE_BOOTSTRAP_KEY: 'short' }, 'DASHGATE_BOOTSTRAP_KEY: must have at least 20 characters'],
    [{ DASHSCOPE_API_KEY: 'a b' }, 'DASHSCOPE_API_KEY: must be printable ASCII without spaces, as it is sent in a header'],
    [{ DASHSCOPE_API_KEY: 'k', DASHSCOPE_BASE_URL: 'nowhere' }, 'DASHSCOPE_BASE_URL: must be a URL such as https://dashscope.aliyuncs.com/api/v1'],
    [{ DASHGATE_ADMIN_TOKEN: 'your-admin-token-of-32-characters' }, 'DASHGATE_ADMIN_TOKEN: looks like a placeholder; set one of your own, such as from "openssl rand -base64 32"'],
    [{ DASHGATE_SECRET_PREVIOUS: 's'.repeat(32) }, 'DASHGATE_SECRET_PREVIOUS: stands beside no master_secret that takes its place (DASHGATE_SECRET)'],
    [{ DASHGATE_SECRET_PREVIOUS_FILE: '/none' }, 'DASHGATE_SECRET_PREVIOUS_FILE: there is no file /none'],
    [{ DASHGATE_SECRET_FILE: '/none' }, 'DASHGATE_SECRET_FILE: there is no file /none'],
    [{ DASHGATE_SECRET_FILE: '/empty' }, 'DASHGATE_SECRET_FILE: the file /empty is empty'],
    [{ DASHGATE_SECRET_FILE: '/short' }, 'DASHGATE_SECRET: must have at least 32 characters'],
    [{ DASHGATE_SECRET_FILE: '/short', DASHGATE_SECRET: 's'.repeat(32) }, 'DASHGATE_SECRET_FILE: is set together with DASHGATE_SECRET; set only one of them']
  ] as const
  for (const [environment, problem] of cases) {
    t.same(problemsOf({ environment, files: { '/empty': '\n', '/short': 'short' } }), [`environment ${problem}`])
  }
})

t.test('a secret\'s file that cannot be read is said', async (t) => {
  const readFile = (path: string) => path === './dashgate.yaml' ? undefined : readTextFile(path)
  const load = () => loadConfig({ flags: {}, environment: { DASHGATE_SECRET_FILE: '/' }, readFile })
  t.throws(load, { message: /^environment DASHGATE_SECRET_FILE: cannot read \/: EISDIR/ })
})

t.test('no problem repeats a secret', async (t) => {
  const yaml = 'upstreams:\n  - { name: a, protocol: openai, base_url: "http://u:hunter2@h", keys: ["hunter2 "] }\nsecrets: { admin_token: hunter2 }\n'
  const problems = problemsOf({ yaml, environment: { DASHGATE_SECRET: 'hunter2', REDIS_URL: 'redi://:hunter2@h' } })
  t.equal(problems.length, 5)
  t.notMatch(problems.join('\n'), /hunter2/)
  t.notMatch(problemsOf({ yaml: 'secrets: { admin_token: "a" "hunter2" }' }).join('\n'), /hunter2/)
})
