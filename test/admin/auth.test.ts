import t from 'tap'
import { ADMIN_TOKEN, adminApp } from './admin-app.ts'
import type { AdminApp } from './admin-app.ts'

const ROUTES = ['/teams', '/teams/search', '/teams/search/keys', '/teams/search/budgets', '/keys/abcdefgh', '/explain', '/nothing', '']

function ask ({ app }: AdminApp, authorization: string | undefined, remoteAddress = '192.0.2.1', path = '/teams') {
  return app.inject({ url: `/admin/v1${path}`, remoteAddress, headers: authorization === undefined ? {} : { authorization } })
}

t.test('without the token nothing is told of any route', async (t) => {
  const admin = await adminApp(t)
  for (const path of ROUTES) {
    for (const method of ['GET', 'POST', 'PATCH', 'DELETE'] as const) {
      const { statusCode, headers, body } = await admin.app.inject({ method, url: `/admin/v1${path}` })
      t.equal(statusCode, 401, `${method} ${path}`)
      t.equal(headers['www-authenticate'], 'Bearer')
      t.same(JSON.parse(body), { error: { code: 'unauthenticated', message: 'The admin token is missing or wrong. Send it as "Authorization: Bearer <token>".' } })
    }
  }
  t.equal((await ask(admin, `Bearer ${ADMIN_TOKEN}`)).statusCode, 200, 'none was sent, so none was wrong')
})

t.test('the token is taken as a bearer token and in no other way', async (t) => {
  const admin = await adminApp(t)
  for (const good of [`Bearer ${ADMIN_TOKEN}`, `bearer   ${ADMIN_TOKEN}  `]) t.equal((await ask(admin, good)).statusCode, 200)
  for (const bad of [ADMIN_TOKEN, `Basic ${ADMIN_TOKEN}`, `Bearer ${ADMIN_TOKEN} x`, `Bearer ${ADMIN_TOKEN}x`, 'Bearer', 'Bearer ']) t.equal((await ask(admin, bad)).statusCode, 401, bad)
  t.equal((await admin.app.inject({ url: `/admin/v1/teams?token=${ADMIN_TOKEN}`, headers: { 'x-api-key': ADMIN_TOKEN } })).statusCode, 401)
})

t.test('an address that sent too many wrong tokens has to wait, and no other one', async (t) => {
  const admin = await adminApp(t)
  for (let failures = 0; failures < 20; failures++) t.equal((await ask(admin, `Bearer wrong-${failures}`)).statusCode, 401)
  for (const authorization of ['Bearer wrong', `Bearer ${ADMIN_TOKEN}`, undefined]) {
    const { statusCode, headers, body } = await ask(admin, authorization)
    t.equal(statusCode, 429)
    t.match(JSON.parse(body), { error: { code: 'rate_limited' } })
    const seconds = Number(headers['retry-after'])
    t.ok(seconds >= 1 && seconds <= 60, String(seconds))
  }
  t.equal((await ask(admin, `Bearer ${ADMIN_TOKEN}`, '192.0.2.2')).statusCode, 200)
  t.equal((await admin.app.inject({ url: '/livez', remoteAddress: '192.0.2.1' })).statusCode, 200)
})

t.test('any number of requests with the good token is let in', async (t) => {
  const admin = await adminApp(t)
  for (let requests = 0; requests < 50; requests++) t.equal((await ask(admin, `Bearer ${ADMIN_TOKEN}`)).statusCode, 200)
})
