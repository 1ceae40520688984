import t from 'tap'
import { adminApp } from './admin-app.ts'
import { upstreamKeyId } from '../../src/core/upstream-key.ts'

const [ONE, TWO, THREE] = ['sk-configured-one', 'sk-configured-two', 'sk-stored-three'].map(upstreamKeyId)
const PATH = '/upstreams/dashscope'

t.test('upstreams are shown with the state of their keys, and no key', async (t) => {
  const { call } = await adminApp(t)
  const { json } = await call('GET', '/upstreams')
  const [upstream] = json.data
  t.same(json.data.length, 1)
  t.ok(upstream.models.includes('coder-9000') && upstream.models.includes('qwen-max'))
  t.strictSame({ ...upstream, models: [] }, {
    name: 'dashscope',
    protocol: 'dashscope',
    base_url: 'https://dashscope.example/api/v1',
    drained: false,
    models: [],
    keys: [{ id: ONE, origin: 'configured', state: 'active', in_flight: 0, weight: 1 }, { id: TWO, origin: 'configured', state: 'active', in_flight: 0, weight: 3 }]
  })
  t.notMatch(JSON.stringify(json), /sk-configured/)
})

t.test('a key is added, drained, used again and removed, and kept encrypted alone', async (t) => {
  const { call, deps } = await adminApp(t)
  const made = await call('POST', `${PATH}/keys`, { key: 'sk-stored-three', weight: 5, workspace: 'ws-1' })
  t.same([made.status, made.json], [201, { id: THREE, origin: 'stored', state: 'active', in_flight: 0, weight: 5 }])
  t.match(deps.directory.upstream('dashscope'), { keys: [{ id: THREE, weight: 5, workspace: 'ws-1', cipher: /^v1\./ }] })
  const states = async (): Promise<string[]> => (await call('GET', '/upstreams')).json.data[0].keys.map(({ state }: { state: string }) => state)
  t.match(await call('POST', `${PATH}/keys/${THREE}/drain`, { drained: true }), { status: 200, json: { id: THREE, state: 'drained' } })
  t.match(await call('POST', `${PATH}/keys/${ONE}/drain`, { drained: true }), { status: 200, json: { id: ONE, state: 'drained' } })
  t.same(await states(), ['drained', 'active', 'drained'])
  t.match(await call('POST', `${PATH}/keys/${ONE}/drain`, { drained: false }), { json: { state: 'active' } })
  t.equal((await call('DELETE', `${PATH}/keys/${THREE}`)).status, 204)
  t.same(await states(), ['active', 'active'])
  const entries = (await call('GET', '/audit')).json
  t.same(entries.data.map(({ action }: { action: string }) => action), ['upstream.remove_key', 'upstream.resume_key', 'upstream.drain_key', 'upstream.drain_key', 'upstream.add_key'])
  t.notMatch(JSON.stringify(entries), /sk-|v1\./, 'no key and no cipher in the log')
})

t.test('a whole upstream is drained and used again', async (t) => {
  const { call, deps } = await adminApp(t)
  t.match(await call('POST', `${PATH}/drain`, { drained: true }), { status: 200, json: { name: 'dashscope', drained: true, keys: [{ state: 'active' }, {}] } })
  t.match(deps.directory.upstream('dashscope'), { isDrained: true })
  t.match(await call('POST', `${PATH}/drain`, { drained: false }), { json: { drained: false } })
})

t.test('nothing here says where an upstream is', async (t) => {
  const { call } = await adminApp(t)
  for (const member of ['base_url', 'url', 'name', 'protocol']) {
    for (const [path, body] of [['drain', { drained: true }], ['keys', { key: 'sk-stored-three' }]] as const) {
      t.match(await call('POST', `${PATH}/${path}`, { ...body, [member]: 'http://169.254.169.254/' }), { status: 400, json: { error: { field: member } } }, `${path} ${member}`)
    }
    t.equal((await call('PATCH', PATH, { [member]: 'http://169.254.169.254/' })).status, 404)
  }
  t.equal((await call('POST', '/upstreams', { name: 'x', base_url: 'http://169.254.169.254/' })).status, 405)
})

t.test('what is not there or cannot be done is said', async (t) => {
  const { call } = await adminApp(t)
  for (const [path, body] of [['drain', { drained: true }], ['keys', { key: 'sk-stored-three' }], [`keys/${ONE}/drain`, { drained: true }]] as const) {
    t.match(await call('POST', `/upstreams/none/${path}`, body), { status: 404, json: { error: { field: 'upstream' } } })
  }
  t.match(await call('POST', `${PATH}/keys/${THREE}/drain`, { drained: true }), { status: 404, json: { error: { field: 'key' } } })
  t.match(await call('DELETE', `${PATH}/keys/${THREE}`), { status: 404, json: { error: { field: 'key' } } })
  t.match(await call('DELETE', `${PATH}/keys/${ONE}`), { status: 409, json: { error: { message: 'The key is in the configuration file: drain it here, or take it out there.' } } })
  t.match(await call('POST', `${PATH}/keys`, { key: 'sk-configured-one' }), { status: 409, json: { error: { message: `The upstream is configured with the key ${ONE} already.` } } })
  await call('POST', `${PATH}/keys`, { key: 'sk-stored-three' })
  t.match(await call('POST', `${PATH}/keys`, { key: 'sk-stored-three' }), { status: 409, json: { error: { code: 'conflict' } } })
  for (const [body, field] of [[{}, 'key'], [{ key: 'short' }, 'key'], [{ key: 'with a space' }, 'key'], [{ key: 'sk-stored-four\n' }, 'key'], [{ key: 'sk-stored-four', weight: 0 }, 'weight'], [{ key: 'sk-stored-four', workspace: '' }, 'workspace']] as const) {
    const { status, json } = await call('POST', `${PATH}/keys`, body)
    t.same([status, json.error.field], [400, field], JSON.stringify(body))
    t.notMatch(json.error.message, 'sk-stored', 'a key is not repeated')
  }
  for (const body of [{}, { drained: 'yes' }]) t.match(await call('POST', `${PATH}/drain`, body), { status: 400, json: { error: { field: 'drained' } } })
})

t.test('what another gateway has stored is found', async (t) => {
  const { deps, store, call } = await adminApp(t)
  const { openDirectory } = await import('../../src/accounts/directory.ts')
  const other = await openDirectory(store, deps.clock)
  await other.putUpstream({ id: 'dashscope', isDrained: true, drainedKeys: [], keys: [{ ...deps.sealKey('dashscope', 'sk-stored-three'), weight: 1, createdMs: 0 }] }, undefined)
  t.match(await call('POST', `${PATH}/keys/${THREE}/drain`, { drained: true }), { status: 200, json: { state: 'drained' } })
  t.match(deps.directory.upstream('dashscope'), { isDrained: true, drainedKeys: [THREE], revision: 2 })
})

t.test('models are shown with their limits, prices and targets', async (t) => {
  const { call } = await adminApp(t)
  const { json: { data } } = await call('GET', '/models')
  t.strictSame(data.find(({ name }: { name: string }) => name === 'coder-9000'), {
    name: 'coder-9000',
    aliases: ['coder'],
    context_tokens: 1000,
    input_tokens_max: 1000,
    output_tokens_max: 100,
    thinking_tokens_max: 0,
    tokenizer: 'estimate',
    prices: [{
      from: null,
      currency: 'CNY',
      tiers: [{
        input_tokens_max: null, input_cost_nano: 2_000, cached_input_cost_nano: 2_000, output_cost_nano: 6_000, reasoning_output_cost_nano: 6_000
      }]
    }],
    targets: [{ upstream: 'dashscope', model: 'coder-9000', priority: 0, weight: 1 }]
  })
  const names = data.map(({ name }: { name: string }) => name)
  t.same(names, [...names].sort())
})
