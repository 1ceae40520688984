import t from 'tap'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { ACCESS } from './access-table.ts'
import { adminApp } from './admin-app.ts'
import { registeredRoutes } from './registered.ts'
import Type from 'typebox'
import { hoisted } from '../../src/admin/openapi-schemas.ts'

const OPEN = ['/docs', '/docs/', '/docs/static/index.html', '/docs/static/swagger-initializer.js', '/docs/*', '/docs/json', '/docs/yaml', '/openapi.json', '/metrics', '/livez', '/readyz']

interface Operation { readonly operationId: string, readonly responses: Readonly<Record<string, any>>, readonly parameters?: readonly any[], readonly [member: string]: any }

/** As it is served. */
async function served (t: import('tap').Test): Promise<any> {
  const { app } = await adminApp(t)
  return (await app.inject('/openapi.json')).json()
}

function operationsOf (document: any): Map<string, Operation> {
  return new Map(Object.entries<any>(document.paths).flatMap(([path, item]) =>
    Object.entries<Operation>(item).map(([method, operation]) => [`${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`, operation])))
}

t.test('every route is described, and everything that is described is a route', async (t) => {
  const { app } = await adminApp(t)
  const document = await served(t)
  const routes = (await registeredRoutes(app)).filter((route) => !OPEN.includes(route.split(' ')[1] ?? ''))
  t.same([...operationsOf(document).keys()].sort(), routes.sort())
  t.match(document, { openapi: '3.1.0', info: { version: '1.2.3' }, security: [{ token: [] }], components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } } })
})

t.test('operations have names of their own, and say how they may fail', async (t) => {
  const operations = operationsOf(await served(t))
  const ids = [...operations.values()].map(({ operationId }) => operationId)
  t.equal(new Set(ids).size, ids.length)
  for (const [name, { responses, parameters = [], description, requestBody, tags }] of operations) {
    const row = ACCESS[name]
    const statuses = [row?.admin, row?.viewer, row?.lead, row?.otherLead].join(' ').split(' ')
    t.same(['400', '401', '429', '500', '503', ...statuses].filter((status) => !(status in responses)), [], name)
    t.match(description, /Roles: admin/)
    t.equal(tags.length, 1)
    const isRead = name.startsWith('GET') || /explain|config\/check/.test(name)
    t.equal(parameters.some(({ $ref }) => $ref === '#/components/parameters/IdempotencyKey'), !isRead, `${name}: Idempotency-Key`)
    t.equal('409' in responses, !isRead, name)
    t.equal('415' in responses, requestBody !== undefined, name)
  }
})

t.test('every error has one shape, and its example is of it', async (t) => {
  const { components: { responses, schemas } } = await served(t)
  for (const [name, { content: { 'application/json': { schema, example } } }] of Object.entries<any>(responses)) {
    t.same(schema, { $ref: '#/components/schemas/Error' }, name)
    t.ok(schemas.Error.properties.error.properties.code.enum.includes(example.error.code), name)
  }
})

t.test('the document has no fault that a linter knows', async (t) => {
  const file = join(t.testdir(), 'openapi.json')
  writeFileSync(file, JSON.stringify(await served(t)))
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/lint-openapi.ts', file], { encoding: 'utf8' })
  t.equal(status, 0, stdout + stderr)
  const broken = { ...await served(t), info: {} }
  writeFileSync(file, JSON.stringify(broken))
  t.equal(spawnSync(process.execPath, ['scripts/lint-openapi.ts', file], { encoding: 'utf8' }).status, 1, 'and it would be found')
})

t.test('the page for people is served by itself, asks nobody else for anything, and needs no token', async (t) => {
  const { app } = await adminApp(t)
  const page = await app.inject('/docs')
  t.equal(page.statusCode, 200)
  for (const url of ['/docs', '/docs/static/swagger-ui-bundle.js', '/docs/static/swagger-initializer.js', '/openapi.json', '/docs/json']) {
    const { statusCode, headers } = await app.inject(url)
    t.equal(statusCode, 200, url)
    t.equal(headers['content-security-policy'], 'default-src \'none\'; script-src \'self\'; style-src \'self\' \'unsafe-inline\'; img-src \'self\' data:; ' +
      'connect-src \'self\'; base-uri \'none\'; form-action \'none\'; frame-ancestors \'none\'', url)
    t.same([headers['x-content-type-options'], headers['referrer-policy']], ['nosniff', 'no-referrer'])
  }
  const linked = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url)
  t.ok(linked.length > 3)
  for (const url of linked) t.equal((await app.inject(url)).statusCode, 200, url)
  t.notMatch(page.body, /<script>|<style>| on\w+=/, 'nothing that the policy would refuse')
  const initializer = (await app.inject('/docs/static/swagger-initializer.js')).body
  t.match(initializer, '"validatorUrl":null')
  t.notMatch(initializer, /https?:\/\/(?!stackoverflow)/)
  t.same((await app.inject('/docs/json')).json(), await served(t))
  t.equal((await app.inject('/docs/static/..%2f..%2fpackage.json')).statusCode, 404)
  t.equal((await app.inject('/docs/static/.%2e/index.js')).statusCode, 404)
})

t.test('two schemas of one title are a mistake', async (t) => {
  const schemas = new Map()
  const first = Type.Object({ inner: Type.String({ title: 'Name' }) }, { title: 'Thing' })
  t.same(hoisted(first, schemas), { $ref: '#/components/schemas/Thing' })
  t.same(hoisted(Type.Array(first), schemas), { type: 'array', items: { $ref: '#/components/schemas/Thing' } })
  t.same([...schemas.keys()], ['Name', 'Thing'])
  t.throws(() => hoisted(Type.Integer({ title: 'Name' }), schemas), { message: 'two schemas have the title Name' })
})
