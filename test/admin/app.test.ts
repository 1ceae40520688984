import t from 'tap'
import { ADMIN_TOKEN, adminApp } from './admin-app.ts'
import type { Readiness } from '../../src/http/health.ts'

const TOKEN = { authorization: `Bearer ${ADMIN_TOKEN}` }
const JSON_TYPE = { ...TOKEN, 'content-type': 'application/json' }

t.test('the admin listener shows metrics and health to everybody', async (t) => {
  let readiness: Readiness = 'ok'
  const { app } = await adminApp(t, { readiness: () => readiness })
  t.match((await app.inject('/metrics')).body, '# TYPE dashgate_requests_total counter')
  t.equal((await app.inject('/livez')).statusCode, 200)
  for (const [status, code] of [['ok', 200], ['degraded', 200], ['starting', 503], ['draining', 503]] as const) {
    readiness = status
    t.equal((await app.inject('/livez')).statusCode, 200, `alive while ${status}`)
    const answer = await app.inject('/readyz')
    t.same([answer.statusCode, answer.json()], [code, { status }])
  }
  t.equal((await app.inject({ method: 'POST', url: '/metrics', payload: 'x', headers: { 'content-type': 'text/plain' } })).statusCode, 404)
})

t.test('what is not there is 404 in the API\'s own words', async (t) => {
  const { app } = await adminApp(t)
  for (const url of ['/', '/admin', '/admin/v2/teams']) {
    const { statusCode, body } = await app.inject(url)
    t.same([statusCode, JSON.parse(body)], [404, { error: { code: 'not_found', message: 'There is no such route.' } }], url)
  }
  for (const url of ['/admin/v1/nothing', `/admin/v1/teams/${'x'.repeat(129)}`]) t.equal((await app.inject({ url, headers: TOKEN })).statusCode, 404, url.slice(0, 30))
})

t.test('a path that is there says what it can be asked with', async (t) => {
  const { app } = await adminApp(t)
  const put = await app.inject({ method: 'PUT', url: '/admin/v1/teams', headers: TOKEN })
  t.same([put.statusCode, put.headers.allow, put.json().error], [405, 'GET, HEAD, POST', { code: 'method_not_allowed', message: 'Request method \'PUT\' is not supported. Use GET or HEAD or POST.' }])
  const options = await app.inject({ method: 'OPTIONS', url: '/admin/v1/keys/abc?x=1', headers: TOKEN })
  t.same([options.statusCode, options.headers.allow, options.body], [204, 'GET, HEAD, PATCH, DELETE', ''])
  t.notOk(Object.keys(options.headers).some((name) => name.startsWith('access-control-')))
  const head = await app.inject({ method: 'HEAD', url: '/admin/v1/teams', headers: TOKEN })
  t.same([head.statusCode, head.body, head.headers['cache-control']], [200, '', 'no-store'])
  for (const method of ['PUT', 'OPTIONS', 'HEAD'] as const) t.equal((await app.inject({ method, url: '/admin/v1/teams' })).statusCode, 401, 'and nothing without a token')
})

t.test('bodies are JSON objects of at most 1 MiB, whatever else they call themselves', async (t) => {
  const { app } = await adminApp(t)
  const answer = async (payload: string, headers: Record<string, string> = JSON_TYPE): Promise<unknown[]> => {
    const response = await app.inject({ method: 'POST', url: '/admin/v1/teams', payload, headers })
    return [response.statusCode, response.json().error.code]
  }
  t.same(await answer('{"id":"a"}', { ...TOKEN, 'content-type': 'text/plain' }), [415, 'unsupported_media_type'])
  t.same(await answer('id=a', { ...TOKEN, 'content-type': 'application/x-www-form-urlencoded' }), [415, 'unsupported_media_type'])
  for (const text of ['', '{', 'nul', '[]', 'null', '"a"', '{"id":"a"}x', '{"__proto__":{},"id":"a"}', '{"id":"a","constructor":{"prototype":{}}}', '['.repeat(100_000)]) {
    t.same(await answer(text), [400, 'invalid_request'], text.slice(0, 40))
  }
  t.same(await answer(`{"id":"a","name":"${'x'.repeat(1_048_576)}"}`), [413, 'request_too_large'])
})

t.test('what nobody foresaw is told to the log alone', async (t) => {
  const { call, failures } = await adminApp(t, { explanations: { budgetsOf: async () => { throw new Error('the secret reason') }, explain: async () => { throw new Error('x') } } })
  await call('POST', '/teams', { id: 'search' })
  const { status, json } = await call('GET', '/teams/search/budgets')
  t.same([status, json], [500, { error: { code: 'internal', message: 'An internal error has occurred in the gateway.' } }])
  t.match(failures, [{ kind: 'internal', cause: { message: 'the secret reason' } }])
})

t.test('what a route does not take is refused, and what it may have without a body it has', async (t) => {
  const { app, call } = await adminApp(t)
  await call('POST', '/teams', { id: 'search' })
  const { json: key } = await call('POST', '/teams/search/keys')
  t.match(key, { team: 'search' }, 'no body is one without members')
  t.match(await call('POST', `/keys/${key.id}/rotate`), { status: 200 })
  t.match(await call('DELETE', `/keys/${key.id}`, { force: true }), { status: 400, json: { error: { message: 'This route takes no body.' } } })
  for (const [method, path] of [['GET', '/teams/search'], ['DELETE', '/teams/search'], ['GET', '/models'], ['GET', '/audit'], ['PATCH', '/teams/search'], ['POST', '/teams/search/keys']] as const) {
    t.match(await call(method, `${path}?verbose=1`, method === 'GET' || method === 'DELETE' ? undefined : {}), { status: 400, json: { error: { field: 'verbose', message: 'verbose is not known.' } } }, `${method} ${path}`)
  }
  const asForm = await app.inject({ method: 'POST', url: `/admin/v1/keys/${key.id}/rotate`, payload: 'grace_seconds=0', headers: { ...TOKEN, 'content-type': 'application/x-www-form-urlencoded' } })
  t.equal(asForm.statusCode, 415)
  for (const body of [{ grace_seconds: -1 }, { grace_seconds: 2_592_001 }, { grace_seconds: '5' }, { grace: 5 }, { grace_seconds: 1.5 }]) t.equal((await call('POST', `/keys/${key.id}/rotate`, body)).status, 400, JSON.stringify(body))
})
