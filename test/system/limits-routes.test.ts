import t from 'tap'
import { buildApp } from '../../src/http/app.ts'
import { bodyFor, headersFor, startLimitedGateway } from '../support/limited-gateway.ts'
import { post } from '../support/http.ts'
import { PROTOCOLS } from '../../src/protocols/registry.ts'
import { SIDES } from '../support/scene.ts'
import type { AppDeps } from '../../src/http/deps.ts'
import type { Way } from '../support/limited-gateway.ts'

/** Every route of the inference listener, and whether it may reach an upstream. Whoever adds one has to say so here. */
const ROUTES: Readonly<Record<string, Way['surface'] | 'no upstream'>> = {
  'POST /v1/chat/completions': 'openai',
  'POST /compatible-mode/v1/chat/completions': 'openai',
  'POST /chat/completions': 'openai',
  'POST /api/v1/services/aigc/text-generation/generation': 'dashscope',
  'POST /api/v1/services/aigc/multimodal-generation/generation': 'dashscope',
  'GET /v1/models': 'no upstream',
  'GET /v1/models/:id': 'no upstream',
  'GET /compatible-mode/v1/models': 'no upstream',
  'GET /compatible-mode/v1/models/:id': 'no upstream',
  'GET /models': 'no upstream',
  'GET /models/:id': 'no upstream',
  'GET /dashgate/v1/limits': 'no upstream',
  'GET /dashgate/v1/requests/:id': 'no upstream',
  'GET /livez': 'no upstream',
  'GET /readyz': 'no upstream'
}

const BUDGET_OF_NOTHING = { budgets: [{ id: 'none', unit: 'tokens', period: 'total' as const, amount: 0 }] }
/** How deep a route stands in Fastify's drawing of its routes. */
const INDENT_CHARACTERS = 4

/** Every method and path that the listener answers, from the same code that builds it. */
async function routeTable (): Promise<string[]> {
  const app = buildApp({ bodyBytesMax: 1_024 }, { protocols: [...PROTOCOLS.values()] } as unknown as AppDeps)
  await app.ready()
  const drawing = app.printRoutes({ commonPrefix: false })
  await app.close()
  const above: string[] = []
  return drawing.split('\n').filter((line) => line !== '').flatMap((line) => {
    const [, indent = '', path = '', methods = ''] = /^([│ ]*)[├└]── (\S+)(?: \((.+)\))?$/.exec(line) ?? []
    if (path === '') throw new Error(`a route that nobody can read: ${line}`)
    above.splice(indent.length / INDENT_CHARACTERS, Infinity, path)
    return methods.split(', ').filter((method) => method !== '').map((method) => `${method} ${above.join('')}`)
  })
}

t.test('every route is known here', async (t) => {
  const table = await routeTable()
  // Where there is GET there is HEAD.
  t.same(table.filter((route) => !route.startsWith('HEAD ')).sort(), Object.keys(ROUTES).sort())
  const heads = table.filter((route) => route.startsWith('HEAD ')).map((route) => route.replace('HEAD', 'GET'))
  t.same(heads.filter((route) => ROUTES[route] !== 'no upstream'), [])
})

for (const upstream of SIDES) {
  t.test(`${upstream}: no route reaches an upstream for whoever has nothing left`, async (t) => {
    const { gateway: { simulator }, team, seen } = await startLimitedGateway(t, upstream)
    const [poor, rich] = [await team(BUDGET_OF_NOTHING), await team()]
    for (const [route, surface] of Object.entries(ROUTES)) {
      const [method = '', path = ''] = route.split(' ')
      const before = simulator.requests.length
      if (surface === 'no upstream') {
        const response = await fetch(poor.url + path.replace(':id', 'qwen-coder-turbo'), { method, headers: { authorization: `Bearer ${poor.apiKey}` } })
        t.ok(response.status === 200 || response.status === 404, route)
        await response.text()
        t.equal(simulator.requests.length, before, `${route} goes to no upstream`)
        continue
      }
      for (const [times, stream] of [false, true].entries()) {
        const way = { surface, stream }
        const isMultimodal = path.includes('multimodal')
        // The simulator serves the text models by the other service: what matters is that it is asked.
        const body = isMultimodal ? { model: 'qwen-coder-turbo', input: { messages: [{ role: 'user', content: [{ text: 'hi' }] }] } } : bodyFor(way)
        const refused = await post(poor, path, body, headersFor(way))
        t.equal(refused.status, 429, `${route} ${stream ? 'as a stream' : 'in one piece'}`)
        t.match(refused.text, /allows nothing/)
        t.equal(simulator.requests.length, before + times, 'the upstream heard nothing')
        t.match(await seen(poor, `/requests/${refused.headers.get('x-request-id')}`), { outcome: 'refused', limits: [{ id: 'none' }] })
        await post(rich, path, body, headersFor(way))
        t.equal(simulator.requests.length, before + times + 1, 'as it does for others')
      }
    }
  })
}
