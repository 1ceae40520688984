/* eslint no-template-curly-in-string: off -- the configuration's own variables look like that */
import t from 'tap'
import { adminApp } from './admin-app.ts'
import { CONFIG_YAML } from '../support/admin-deps.ts'
import { upstreamKeyId } from '../../src/core/upstream-key.ts'

t.test('the configuration is shown with keys as fingerprints', async (t) => {
  const { call } = await adminApp(t)
  const { status, json } = await call('GET', '/config')
  t.equal(status, 200)
  t.match(json.config, { log_level: 'info', upstreams: [{ name: 'dashscope', keys: [upstreamKeyId('sk-configured-one'), { key: upstreamKeyId('sk-configured-two') }] }] })
  t.notMatch(JSON.stringify(json), 'sk-configured')
})

t.test('a file is checked without being put in place', async (t) => {
  const { call } = await adminApp(t)
  const before = (await call('GET', '/config')).json
  const changed = await call('POST', '/config/check', { yaml: CONFIG_YAML.replace('context_tokens: 1000', 'context_tokens: 2000') + 'log_level: debug\n' })
  t.same([changed.status, changed.json], [200, {
    problems: [],
    changes: [
      { path: 'models[coder-9000].context_tokens', from: 1000, to: 2000, restart_needed: false },
      { path: 'log_level', from: 'info', to: 'debug', restart_needed: true }
    ]
  }])
  t.same((await call('POST', '/config/check', { yaml: 'log_level: loud\nstore: { data_dir: "${HOME}" }' })).json, {
    problems: [
      { path: 'log_level', line: 1, column: 12, message: 'must be one of fatal, error, warn, info, debug, trace, silent' },
      { path: 'store.data_dir', line: 2, column: 20, message: 'the environment variable HOME is not set' }
    ],
    changes: []
  })
  t.same((await call('GET', '/config')).json, before)
  for (const [body, field] of [[{}, 'yaml'], [{ yaml: 5 }, 'yaml'], [{ yaml: '', file: '/etc/passwd' }, 'file'], [{ yaml: 'x'.repeat(262_145) }, 'yaml']] as const) {
    t.match(await call('POST', '/config/check', body), { status: 400, json: { error: { field } } })
  }
  t.same((await call('GET', '/audit')).json.data, [], 'it is no write')
})
