import t from 'tap'
import { GatewayError } from '../../src/core/errors.ts'
import { causeOf, createLogger, logExchange } from '../../src/observe/logger.ts'
import { createScene } from '../relay/fakes.ts'

const CANARY = 'canary-in-a-prompt'

function lineOf (error: GatewayError): any {
  const { exchange } = createScene()
  exchange.error = error
  const lines: string[] = []
  logExchange(createLogger('info', { write: (line) => { lines.push(line) } }), exchange, 7)
  t.equal(lines.length, 1)
  return JSON.parse(lines[0] ?? '')
}

t.test('a failure says how it came about: the upstream\'s status and code, and the transport\'s', async (t) => {
  const said = lineOf(new GatewayError('rate_limited', 'slow down', { upstream: { status: 429, code: 'Throttling.RateQuota' } }))
  t.match(said, { level: 30, errorKind: 'rate_limited', status: 429, upstreamStatus: 429, upstreamCode: 'Throttling.RateQuota', durationMs: 7 })
  const refused = Object.assign(new Error(CANARY), { code: 'ECONNREFUSED' })
  t.match(lineOf(new GatewayError('upstream_failed', 'x', { cause: refused })).cause, /^Error ECONNREFUSED at /)
  t.match(lineOf(new GatewayError('internal', 'x', { cause: new TypeError(CANARY) })), { level: 50, cause: /^TypeError at / })
})

t.test('words of others are not kept, wherever they stand', async (t) => {
  for (const code of [CANARY, `${CANARY}.AccessDenied`, 'AccessDenied and more', 'x'.repeat(65)]) {
    t.equal(lineOf(new GatewayError('upstream_failed', CANARY, { upstream: { code } })).upstreamCode, 'other')
  }
  const error = new GatewayError('upstream_failed', CANARY, { cause: new Error(CANARY) })
  t.notMatch(JSON.stringify(lineOf(error)), CANARY)
  t.equal(causeOf(CANARY), undefined)
})
