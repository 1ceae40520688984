import t from 'tap'
import { errors } from 'undici'
import { ERROR_KINDS, GatewayError } from '../../src/core/errors.ts'
import { transportError } from '../../src/upstream/failures.ts'

const FAILED = { kind: 'upstream_failed', status: 502, message: 'The connection to the upstream failed.' }
const NO_HTTP = { kind: 'upstream_protocol', status: 502, message: 'The upstream sent an answer that is not valid HTTP.' }

function coded (code: string): Error {
  return Object.assign(new Error('connect to 10.0.0.1:443 with sk-secret'), { code })
}

t.test('a connection that fails is the upstream\'s failure and may be tried elsewhere', async (t) => {
  const codes = [
    'ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'EPROTO', 'ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EADDRNOTAVAIL', 'EHOSTDOWN',
    'EHOSTUNREACH', 'ENETDOWN', 'ENETUNREACH', 'ETIMEDOUT', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_TLS_CERT_ALTNAME_INVALID', 'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERT_HAS_EXPIRED', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'
  ]
  for (const code of codes) t.match(transportError(coded(code)), FAILED, code)
  t.ok(ERROR_KINDS.upstream_failed.retryable)
})

t.test('undici\'s own failures are known', async (t) => {
  for (const cause of [new errors.ConnectTimeoutError(), new errors.SocketError('other side closed'), new errors.ClientClosedError(), new errors.ClientDestroyedError(),
    new errors.ResponseContentLengthMismatchError()]) t.match(transportError(cause), FAILED, cause.name)
  t.match(transportError(new errors.HeadersOverflowError()), NO_HTTP)
})

t.test('an answer that is not HTTP is not tried again', async (t) => {
  for (const code of ['HPE_INVALID_CONSTANT', 'HPE_INVALID_CHUNK_SIZE', 'HPE_UNEXPECTED_CONTENT_LENGTH']) t.match(transportError(coded(code)), NO_HTTP, code)
  t.notOk(ERROR_KINDS.upstream_protocol.retryable)
})

t.test('all addresses of a name refusing at once is a refusal', async (t) => {
  t.match(transportError(Object.assign(new AggregateError([coded('ECONNREFUSED')]), { code: 'ECONNREFUSED' })), FAILED)
})

t.test('what is not a transport failure is internal, and ours stays ours', async (t) => {
  for (const cause of [new TypeError('x'), coded('ENOENT'), coded('UND_ERR_INVALID_ARG'), coded(''), 'ECONNRESET', null, undefined, { code: 7 }]) {
    t.match(transportError(cause), { kind: 'internal', status: 500 })
  }
  const ours = new GatewayError('upstream_timeout', 'late')
  t.equal(transportError(ours), ours)
})

t.test('the client is told nothing of the cause, and the log everything', async (t) => {
  const cause = coded('ECONNREFUSED')
  const error = transportError(cause)
  t.equal(error.cause, cause)
  t.notMatch(error.message, /10\.0\.0\.1|sk-secret/)
})
