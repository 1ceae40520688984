/* eslint no-template-curly-in-string: off -- the configuration's own variables look like that */
import t from 'tap'
import { checkConfig } from '../../src/config/check.ts'
import { createConfigInspection } from '../../src/config/inspection.ts'
import { createManualClock } from '../support/fixed.ts'
import { loadConfig, surroundingsOf } from '../../src/config/load.ts'
import { upstreamKeyId } from '../../src/core/upstream-key.ts'
import type { ConfigCheck } from '../../src/config/check.ts'
import type { ConfigInspection } from '../../src/config/inspection.ts'

const ENVIRONMENT = {
  QWEN_KEY: 'sk-from-the-environment',
  REDIS_URL: 'redis+cluster://user:password@one:7000,two:7001?tls=secret',
  DASHGATE_SECRET: 'a-master-secret-of-these-tests-that-is-long',
  DASHGATE_ADMIN_TOKEN: 'an-admin-token-of-these-tests-that-is-long-Q7x',
  AWS_SECRET: 'what-nobody-may-see',
  PORT: '9999',
  SHORT: '1'
}

const RUNNING = `upstreams:
  - { name: dashscope, protocol: dashscope, base_url: "https://dashscope.example/api/v1", keys: ["\${QWEN_KEY}", { key: sk-plain-text, weight: 2 }] }
models:
  - { name: coder-9000, aliases: [coder], context_tokens: 1000, output_tokens_max: 100 }
policies: { budget_fit: reject }
`

interface Inspected extends Pick<ConfigInspection, 'effective' | 'aliasesOf'> { check (text: string): ConfigCheck }

/** Checks are made on the spot. */
function inspection (yaml = RUNNING, environment: Readonly<Record<string, string>> = ENVIRONMENT): Inspected {
  const sources = { flags: {}, environment, readFile: (path: string) => path === './dashgate.yaml' ? yaml : undefined }
  const { config: running } = loadConfig(sources)
  const surroundings = surroundingsOf(sources)
  const { effective, aliasesOf } = createConfigInspection({ running: () => running, clock: createManualClock(), ...surroundings })
  return { effective, aliasesOf, check: (text) => checkConfig(text, { running, ...surroundings }) }
}

function secretsIn (answer: unknown): string[] {
  const text = JSON.stringify(answer)
  return [...Object.values(ENVIRONMENT), 'sk-plain-text', 'password', 'secret', 'user:'].filter((value) => value.length > 4 && text.includes(value))
}

t.test('the configuration is shown without its secrets', async (t) => {
  const shown = inspection().effective() as any
  t.same(secretsIn(shown).filter((found) => found !== 'secret'), [])
  t.same(shown.secrets, { admin_token: '***', master_secret: '***' })
  t.equal(shown.store.redis_url, 'redis+cluster://***@one:7000,two:7001?***')
  t.same(shown.upstreams[0].keys, [upstreamKeyId('sk-from-the-environment'), { key: upstreamKeyId('sk-plain-text'), weight: 2 }])
  t.match(shown, { server: { port: 9999, host: '127.0.0.1' }, upstreams: [{ name: 'dashscope', base_url: 'https://dashscope.example/api/v1' }], policies: { budget_fit: 'reject' } })
  t.same(inspection().aliasesOf('coder-9000'), ['coder'])
  t.same(inspection().aliasesOf('other'), [])
})

t.test('the same file changes nothing', async (t) => {
  t.same(inspection().check(RUNNING), { problems: [], changes: [] })
  t.same(inspection('').check(''), { problems: [], changes: [] })
})

t.test('what a file would change is told setting by setting, by names, and whether it needs a restart', async (t) => {
  const { problems, changes } = inspection().check(`log_level: debug
upstreams:
  - { name: second, protocol: openai, base_url: "https://second.example/v1", keys: [sk-second-key], builtin_models: true }
  - { name: dashscope, protocol: dashscope, base_url: "https://dashscope.example/api/v1", keys: ["\${QWEN_KEY}", { key: sk-plain-text, weight: 3 }], timeouts: { idle: 30s } }
models:
  - { name: coder-9000, aliases: [coder, c9], context_tokens: 2000, output_tokens_max: 100 }
`)
  t.same(problems, [])
  const key = upstreamKeyId('sk-plain-text')
  t.same(changes.map(({ path, from, to, needsRestart }) => [path, from, to, needsRestart]), [
    ['upstreams[dashscope].keys', [upstreamKeyId('sk-from-the-environment'), { key, weight: 2 }], ['${QWEN_KEY}', { key, weight: 3 }], false],
    ['upstreams[dashscope].timeouts.idle', '60s', '30s', false],
    ['upstreams[second]', undefined, {
      name: 'second',
      protocol: 'openai',
      base_url: 'https://second.example/v1',
      keys: [upstreamKeyId('sk-second-key')],
      timeouts: { connect: '5s', first_byte: '60s', idle: '60s', total: '600s' },
      builtin_models: true
    }, false],
    ['models[coder-9000].aliases', ['coder'], ['coder', 'c9'], false],
    ['models[coder-9000].context_tokens', 1000, 2000, false],
    ['policies.budget_fit', 'reject', 'clamp', false],
    ['log_level', 'info', 'debug', true]
  ])
  t.same(secretsIn(changes), [])
})

t.test('a secret that would be another one is told of, and not shown', async (t) => {
  const { changes } = inspection(RUNNING, { ...ENVIRONMENT, DASHGATE_SECRET: '', REDIS_URL: '' }).check(`${RUNNING}secrets: { bootstrap_key: sk-a-key-of-the-first-request-xyz }\nstore: { redis_url: "" }\n`)
  t.strictSame(changes, [{ path: 'secrets.bootstrap_key', from: undefined, to: '***', needsRestart: true }])
})

t.test('whatever a file does with a variable, its value is not shown', async (t) => {
  const upstream = '{ name: dashscope, protocol: dashscope, base_url: "https://dashscope.example/api/v1", keys: [sk-plain-text] }'
  for (const yaml of [
    'upstreams: [{ name: "${AWS_SECRET}", protocol: dashscope, base_url: "https://x.example/${AWS_SECRET}", keys: ["${AWS_SECRET}"] }]',
    `upstreams: [${upstream}]\nmodels: [{ name: coder-9000, aliases: [&a "\${AWS_SECRET}"], context_tokens: 1000, output_tokens_max: 100, targets: [{ upstream: dashscope, model: *a }] }]`,
    `upstreams: [${upstream}]\nmodels: [{ name: "x-\${AWS_SECRET}", context_tokens: 1000, output_tokens_max: 100 }]`,
    'upstreams: [{ name: "${AWS_SECRET}", protocol: dashscope, base_url: "https://x.example/v1", keys: [sk-plain-text] }]\nmodels: [{ name: m, targets: [{ upstream: none }], context_tokens: 1000, output_tokens_max: 100 }]',
    'policies: { budget_fit: "${AWS_SECRET}" }',
    'log_level: "${AWS_SECRET:-info}"',
    '"${AWS_SECRET}": 1',
    'server: { host: "${AWS_SECRET}", port: "${AWS_SECRET}" }',
    'upstreams: "${AWS_SECRET'
  ]) {
    const checked = inspection().check(yaml)
    t.ok(checked.problems.length + checked.changes.length > 0, 'something is said')
    t.same(secretsIn(checked).filter((found) => found !== 'secret'), [], yaml)
  }
})

t.test('a name that a variable gives is the same as the name itself', async (t) => {
  const named = RUNNING.replace('name: dashscope', 'name: "${UPSTREAM}"')
  t.same(inspection(RUNNING, { ...ENVIRONMENT, UPSTREAM: 'dashscope' }).check(named), { problems: [], changes: [] })
})

t.test('what is wrong is told with its place', async (t) => {
  const check = (yaml: string): unknown => inspection().check(yaml)
  t.strictSame(check('upstreams:\n  - { name: a b, base_url: "http://x", keys: [k] }\nlog_level: loud\nserver: { port: 70000 }\nstore: { data_dir: "${NOT_SET}" }\n'), {
    problems: [
      { path: 'upstreams[0].protocol', line: 2, column: 5, message: 'is required' },
      { path: 'upstreams[0].name', line: 2, column: 13, message: 'must be a name: 1 to 128 letters, digits and . _ : / @ -, the first a letter or digit' },
      { path: 'log_level', line: 3, column: 12, message: 'must be one of fatal, error, warn, info, debug, trace, silent' },
      { path: 'store.data_dir', line: 5, column: 20, message: 'the environment variable NOT_SET is not set' }
    ],
    changes: []
  })
  t.match(check('a: [1, 2'), { problems: [{ line: 1 }], changes: [] })
  t.match(check('['.repeat(100_000)), { problems: [{ path: '' }], changes: [] })
  t.match(check('a: &a [1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]'), { problems: [{}], changes: [] })
})

t.test('no file is read for a check, whatever it names', async (t) => {
  const read: string[] = []
  const sources = { flags: {}, environment: { DASHGATE_SECRET_FILE: '/secret' }, readFile (path: string) { read.push(path); return path === '/secret' ? 'x'.repeat(40) : undefined } }
  const { config: running } = loadConfig(sources)
  const deps = { running, ...surroundingsOf(sources) }
  const before = read.length
  t.same(checkConfig('', deps), { problems: [], changes: [] }, 'and what the gateway has read already counts')
  checkConfig('store: { data_dir: "/etc/passwd" }\nsecrets: { admin_token: "${HOME_FILE:-/etc/shadow}" }', deps)
  t.equal(read.length, before)
})

t.test('a check is made on a thread of its own, two at a time and for so long', async (t) => {
  const clock = createManualClock()
  const { config } = loadConfig({ flags: {}, environment: {}, readFile: () => undefined })
  const { check } = createConfigInspection({ running: () => config, clock, flags: {}, environment: { CLIENT_PORT: '9999' } })
  const many = Array.from({ length: 20_000 }, (_, index) => `key${index}: 1`).join('\n')
  const [slow, quick] = [check(many), check('server:\n  port: ${CLIENT_PORT}')]
  t.match(await check('').catch((caught: unknown) => caught), { kind: 'overloaded', retryAfterMs: 1_000 })
  t.same(await quick, { problems: [], changes: [{ path: 'server.port', from: 8787, to: '${CLIENT_PORT}', needsRestart: true }] }, 'the other one goes on')
  clock.advance(10_000)
  t.match(await slow, { problems: [{ message: /too long or too intricate/ }], changes: [] })
  t.same(await check(''), { problems: [], changes: [] })
})
