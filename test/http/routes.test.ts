import t from 'tap'
import { PROTOCOLS } from '../../src/protocols/registry.ts'
import { ask } from './wire.ts'
import { startApp } from './listening-app.ts'
import type { ListeningApp } from './listening-app.ts'

const CHAT_PATHS = [...PROTOCOLS.values()].flatMap(({ surface }) => surface.chatPaths)

/** Every route that is no chat, and whether it asks for a key. A new one is added here with thought or not at all. */
const OTHERS: Readonly<Record<string, 'key' | 'open'>> = {
  '/v1/models': 'key',
  '/v1/models/:id': 'key',
  '/compatible-mode/v1/models': 'key',
  '/compatible-mode/v1/models/:id': 'key',
  '/models': 'key',
  '/models/:id': 'key',
  '/dashgate/v1/limits': 'key',
  '/dashgate/v1/requests/:id': 'key',
  '/livez': 'open',
  '/readyz': 'open'
}

t.test('the route table is what it is known to be, and asks for keys', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  const routes = routesOf(app)
  t.same(routes.map(({ path }) => path).sort(), [...CHAT_PATHS, ...Object.keys(OTHERS)].sort())
  for (const { path, methods } of routes) {
    const isChat = CHAT_PATHS.includes(path)
    t.same(methods, isChat ? ['POST'] : ['GET', 'HEAD'], path)
    for (const method of methods) {
      const { status, headers } = await ask(app.url + path.replace(':id', 'x'), { method })
      t.equal(status, OTHERS[path] === 'open' ? 200 : 401, `${method} ${path} without a key`)
      t.type(headers['x-request-id'], 'string')
    }
  }
})

t.test('a key is taken under each of its names', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  for (const headers of [{ authorization: `Bearer ${app.apiKey}` }, { authorization: `bearer  ${app.apiKey} ` }, { 'x-api-key': app.apiKey }, { 'api-key': app.apiKey }]) {
    t.equal((await ask(`${app.url}/v1/models`, { headers: headers as Record<string, string> })).status, 200, Object.keys(headers).join())
  }
  for (const name of ['authorization', 'x-api-key', 'api-key', 'content-type', 'content-encoding', 'x-dashscope-workspace']) {
    t.equal((await ask(`${app.url}/v1/models`, { headers: { 'x-api-key': app.apiKey, [name]: ['a', 'a'] } })).status, 400, `two of ${name}`)
  }
})

t.test('slashes too many or too few lead to the same place', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  const headers = { authorization: `Bearer ${app.apiKey}` }
  for (const path of ['/v1/models', '/v1/models/', '//v1//models', '/models/', '/compatible-mode/v1/models/', '/v1/models?limit=5']) {
    t.equal((await ask(app.url + path, { headers })).status, 200, path)
  }
  for (const path of ['/v1/models/qwen-coder-turbo', '/v1/models/qwen-coder-turbo/', '/models//qwen-coder-turbo']) {
    t.match(JSON.parse((await ask(app.url + path, { headers })).text), { id: 'qwen-coder-turbo', object: 'model' }, path)
  }
  for (const path of ['/v1/models/no-such-model', '/v1/models/__proto__', `/v1/models/${'a'.repeat(300)}`, '/v1/models/a%2fb']) {
    t.equal((await ask(app.url + path, { headers })).status, 404, path)
  }
  const body = JSON.stringify({ model: 'qwen-coder-turbo', messages: [{ role: 'user', content: 'hi' }] })
  const json = { ...headers, 'content-type': 'application/json' }
  t.equal((await ask(`${app.url}//v1/chat/completions/`, { method: 'POST', headers: json, body })).status, 200)
})

t.test('a path that is not there is refused in the words of its protocol, with a hint', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  const openai = await ask(`${app.url}/v1/completions`, { method: 'POST' })
  t.equal(openai.status, 404)
  t.match(JSON.parse(openai.text), { error: { code: 'not_found', message: /Did you mean POST \/v1\/chat\/completions/ } })
  for (const path of ['/api/v1/services/aigc/text2image/generation', '//api//v1/nothing', '/api/v1', '/api/v1?x=/v1/']) {
    const { status, text } = await ask(app.url + path, { method: 'POST' })
    t.equal(status, 404, path)
    t.match(JSON.parse(text), { code: 'NotFound', message: /Did you mean POST \/api\/v1\/services\/aigc\//, request_id: String }, path)
  }
})

t.test('a method that is not there is refused with those that are', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  for (const path of CHAT_PATHS) {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const { status, headers, text } = await ask(app.url + path, { method })
      t.equal(status, 405, `${method} ${path}`)
      t.equal(headers.allow, 'POST')
      t.match(text, `Request method '${method}' is not supported. Use POST.`)
      t.ok(path.startsWith('/api/') ? 'code' in JSON.parse(text) : 'error' in JSON.parse(text))
    }
    t.equal((await ask(app.url + path, { method: 'HEAD' })).status, 405)
  }
  t.equal((await ask(`${app.url}/v1/models/x`, { method: 'DELETE' })).headers.allow, 'GET, HEAD')
  for (const method of ['TRACE', 'PROPFIND', 'PURGE']) t.equal((await ask(`${app.url}/`, { method })).status, 405, method)
})

t.test('no page of a browser is let in', async (t) => {
  const app = await startApp()
  t.teardown(() => app.close())
  for (const path of [...CHAT_PATHS, '/v1/models', '/nowhere']) {
    const { status, headers } = await ask(app.url + path, {
      method: 'OPTIONS', headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
    })
    t.equal(status, path === '/nowhere' ? 404 : 204, path)
    t.same(Object.keys(headers).filter((name) => name.startsWith('access-control')), [])
  }
})

/** The router's own table, read from its drawing: children stand under their parent, four columns further in. */
function routesOf ({ app }: ListeningApp): Array<{ path: string, methods: string[] }> {
  const parents: string[] = []
  return app.printRoutes({ commonPrefix: false }).trimEnd().split('\n').map((line) => {
    const [, indent = '', segment = '', methods = ''] = /^([│ ]*)[├└]── (\S+) \((.*)\)$/.exec(line) ?? []
    const depth = indent.length / 4
    parents[depth] = (depth === 0 ? '' : parents[depth - 1] ?? '') + segment
    return { path: parents[depth], methods: methods.split(', ') }
  })
}
