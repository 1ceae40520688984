import t from 'tap'
import { buildAdminApp } from '../../src/admin/app.ts'
import { createMetrics } from '../../src/observe/metrics.ts'

t.test('the admin listener shows metrics and health, and takes no bodies', async (t) => {
  let isReady = true
  const app = buildAdminApp({ metrics: createMetrics(), isReady: () => isReady })
  t.teardown(async () => await app.close())
  t.match((await app.inject('/metrics')).body, '# TYPE dashgate_requests_total counter')
  t.equal((await app.inject('/livez')).statusCode, 200)
  t.equal((await app.inject('/readyz')).statusCode, 200)
  isReady = false
  t.equal((await app.inject('/livez')).statusCode, 200, 'alive while draining')
  t.equal((await app.inject('/readyz')).statusCode, 503)
  t.equal((await app.inject({ method: 'POST', url: '/metrics', payload: 'x', headers: { 'content-type': 'text/plain' } })).statusCode, 404)
})
