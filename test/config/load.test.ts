/* eslint no-template-curly-in-string: off -- the configuration's own variables look like that */
import t from 'tap'
import { loadConfig, readTextFile } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/problems.ts'
import { configOf, loaded, problemsOf } from './support.ts'

const ADMIN_TOKEN = 'x7Pq-an-admin-token-nobody-guesses'

t.test('without a file, flags or environment the defaults hold', async (t) => {
  const { config, file } = loaded({})
  t.equal(file, undefined)
  t.same(config, {
    log_level: 'info',
    store: { data_dir: './data', redis_url: '', replicas: 1, retention: { ledger_days: 30, usage_days: 400 }, timeout: '100ms' },
    server: { host: '127.0.0.1', port: 8787, body_bytes_max: 8_388_608, shutdown_timeout: '120s' },
    admin: { host: '127.0.0.1', port: 8788 },
    secrets: {},
    upstreams: [],
    models: [],
    policies: { output_over_cap: 'reject', budget_fit: 'clamp', client_abort: 'cancel', vendor_rules: 'lenient', unpriced_model: 'reject' }
  })
})

t.test('flags win over the environment, that over the file, and that over the defaults', async (t) => {
  const yaml = 'server: { host: file, port: 1 }\nadmin: { host: file, port: 2 }\nlog_level: warn\n'
  const environment = { HOST: 'environment', PORT: '11', DASHGATE_ADMIN_PORT: '12' }
  const config = configOf({ yaml, environment, flags: { port: '21' } })
  t.match(config, {
    server: { host: 'environment', port: 21, body_bytes_max: 8_388_608 },
    admin: { host: 'file', port: 12 },
    log_level: 'warn'
  })
})

t.test('every setting that has a variable takes it from there', async (t) => {
  const environment = {
    HOST: 'a',
    PORT: '1',
    DASHGATE_ADMIN_HOST: 'b',
    DASHGATE_ADMIN_PORT: '0',
    DASHGATE_DATA_DIR: '/d',
    LOG_LEVEL: 'debug',
    DASHGATE_ADMIN_TOKEN: ADMIN_TOKEN,
    DASHGATE_BOOTSTRAP_KEY: 'b'.repeat(20),
    DASHGATE_SECRET: 'c'.repeat(32),
    DASHGATE_SECRET_PREVIOUS: 'd'.repeat(32)
  }
  t.match(configOf({ environment }), {
    server: { host: 'a', port: 1 },
    admin: { host: 'b', port: 0 },
    store: { data_dir: '/d' },
    log_level: 'debug',
    secrets: { admin_token: ADMIN_TOKEN, bootstrap_key: 'b'.repeat(20), master_secret: 'c'.repeat(32), previous_master_secret: 'd'.repeat(32) }
  })
})

t.test('every flag sets what it is named for', async (t) => {
  const flags = { host: 'a', port: '1', adminHost: 'b', adminPort: '2', dataDir: '/d', logLevel: 'error' }
  t.match(configOf({ flags, environment: { HOST: 'x', LOG_LEVEL: 'info' } }), {
    server: { host: 'a', port: 1 }, admin: { host: 'b', port: 2 }, store: { data_dir: '/d' }, log_level: 'error'
  })
})

t.test('an empty variable counts as unset', async (t) => {
  t.equal(configOf({ environment: { PORT: '', REDIS_URL: '', DASHSCOPE_API_KEY: '' } }).server.port, 8787)
})

t.test('DASHGATE_CONFIG names the file, and the flag wins over it', async (t) => {
  const files = { '/a.yaml': 'log_level: warn', '/b.yaml': 'log_level: error' }
  t.same(loaded({ files, environment: { DASHGATE_CONFIG: '/a.yaml' } }).file, '/a.yaml')
  const { config, file } = loaded({ files, environment: { DASHGATE_CONFIG: '/a.yaml' }, flags: { config: '/b.yaml' } })
  t.equal(file, '/b.yaml')
  t.equal(config.log_level, 'error')
})

t.test('a named file has to be there', async (t) => {
  t.same(problemsOf({ environment: { DASHGATE_CONFIG: '/none.yaml' } }), ['/none.yaml there is no such file'])
})

t.test('a file that cannot be read is said', async (t) => {
  const sources = { flags: { config: '/' }, environment: {}, readFile: readTextFile }
  t.throws(() => loadConfig(sources), { name: 'ConfigError', message: /^\/ cannot be read: EISDIR/ })
})

t.test('an empty file is like none', async (t) => {
  for (const yaml of ['', '# nothing\n', 'null', '---\n']) t.equal(configOf({ yaml }).server.port, 8787, JSON.stringify(yaml))
})

t.test('a section with nothing in it is like none', async (t) => {
  t.match(configOf({ yaml: 'server:\n  # port: 1\nmodels:\nupstreams:\nlog_level: warn\n' }), { server: { port: 8787 }, models: [], log_level: 'warn' })
})

t.test('DASHSCOPE_API_KEY makes DashScope the upstream where the file names none', async (t) => {
  for (const yaml of ['', 'upstreams: []', 'upstreams:\n']) {
    t.match(configOf({ yaml, environment: { DASHSCOPE_API_KEY: 'sk-1' } }).upstreams, [{
      name: 'dashscope', protocol: 'dashscope', base_url: 'https://dashscope.aliyuncs.com/api/v1', keys: ['sk-1'], timeouts: { connect: '5s' }
    }])
  }
})

t.test('DASHSCOPE_BASE_URL moves it, and its compatible mode is spoken as such', async (t) => {
  const upstreamAt = (url: string) => configOf({ environment: { DASHSCOPE_API_KEY: 'sk-1', DASHSCOPE_BASE_URL: url } }).upstreams[0]
  t.match(upstreamAt('https://h/api/v1'), { protocol: 'dashscope', base_url: 'https://h/api/v1' })
  t.match(upstreamAt('https://h/compatible-mode/v1/'), { protocol: 'openai', builtin_models: true })
})

t.test('an upstream in the file keeps the environment\'s from being added', async (t) => {
  const yaml = 'upstreams: [{ name: a, protocol: openai, base_url: "http://h/v1", keys: [k] }]'
  t.match(configOf({ yaml, environment: { DASHSCOPE_API_KEY: 'sk-1' } }).upstreams, [{ name: 'a' }])
})

t.test('secrets are read from files, without the line break editors leave behind', async (t) => {
  const files = { '/run/key': 'sk-1\n', '/run/token': `${ADMIN_TOKEN}\r\n`, '/run/bootstrap': 'b'.repeat(20), '/run/secret': 's'.repeat(40), '/run/previous': 'p'.repeat(40) }
  const environment = {
    DASHSCOPE_API_KEY_FILE: '/run/key',
    DASHGATE_ADMIN_TOKEN_FILE: '/run/token',
    DASHGATE_BOOTSTRAP_KEY_FILE: '/run/bootstrap',
    DASHGATE_SECRET_FILE: '/run/secret',
    DASHGATE_SECRET_PREVIOUS_FILE: '/run/previous'
  }
  const config = configOf({ files, environment })
  t.same(config.upstreams[0]?.keys, ['sk-1'])
  t.same(config.secrets, { admin_token: ADMIN_TOKEN, bootstrap_key: 'b'.repeat(20), master_secret: 's'.repeat(40), previous_master_secret: 'p'.repeat(40) })
})

t.test('variables in the file see secrets from files too', async (t) => {
  const yaml = 'upstreams: [{ name: a, protocol: openai, base_url: "http://h/v1", keys: ["${DASHSCOPE_API_KEY}"] }]'
  t.same(configOf({ yaml, files: { '/k': 'sk-1' }, environment: { DASHSCOPE_API_KEY_FILE: '/k' } }).upstreams[0]?.keys, ['sk-1'])
})

t.test('a plain variable takes the type of what it holds, and a quoted one is a text', async (t) => {
  const yaml = 'server:\n  port: ${P}\n  body_bytes_max: ${NONE:-2048}\nupstreams:\n' +
    '  - { name: a, protocol: openai, base_url: "http://h/v1", keys: ["${P}"], builtin_models: true }\n'
  const config = configOf({ yaml, environment: { P: '8080' } })
  t.equal(config.server.port, 8080)
  t.equal(config.server.body_bytes_max, 2048)
  t.same(config.upstreams[0]?.keys, ['8080'])
})

t.test('a variable adds no structure to the file', async (t) => {
  const yaml = 'store:\n  data_dir: ${D}\n'
  t.equal(configOf({ yaml, environment: { D: 'a\nserver: { port: 1 }' } }).store.data_dir, 'a\nserver: { port: 1 }')
})

t.test('anchors and aliases work', async (t) => {
  const yaml = 'server: { host: &host "0.0.0.0" }\nadmin: { host: *host }\n'
  t.equal(configOf({ yaml }).admin.host, '0.0.0.0')
})

t.test('nobody can change a configuration once it is loaded', async (t) => {
  const config = configOf({ environment: { DASHSCOPE_API_KEY: 'sk-1' } })
  t.ok(Object.isFrozen(config) && Object.isFrozen(config.server) && Object.isFrozen(config.upstreams[0]?.keys))
})

t.test('what is thrown holds its problems one by one', async (t) => {
  const error = t.throws(() => configOf({ yaml: 'log_level: loud' }), ConfigError) as ConfigError
  t.match(error.problems, [{ source: './dashgate.yaml', path: 'log_level', line: 1, column: 12, message: /^must be one of/ }])
})
