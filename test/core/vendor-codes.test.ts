import t from 'tap'
import { kindOfCode, kindOfStatus } from '../../src/core/vendor-codes.ts'

t.test('both spellings of a code mean the same', async (t) => {
  const pairs: readonly [string, string, string][] = [
    ['InvalidParameter', 'invalid_parameter_error', 'invalid_request'],
    ['DataInspectionFailed', 'data_inspection_failed', 'content_filtered'],
    ['InvalidApiKey', 'invalid_api_key', 'upstream_auth'],
    ['AccessDenied', 'access_denied', 'permission_denied'],
    ['ModelNotFound', 'model_not_found', 'model_not_found'],
    ['LimitRequests', 'limit_requests', 'rate_limited'],
    ['Throttling.BurstRate', 'limit_burst_rate', 'burst_limited'],
    ['Throttling.AllocationQuota', 'insufficient_quota', 'budget_exhausted'],
    ['RequestTimeOut', 'request_timeout', 'upstream_timeout'],
    ['InternalError', 'internal_error', 'upstream_failed']
  ]
  for (const [native, compatible, kind] of pairs) t.strictSame([kindOfCode(native), kindOfCode(compatible)], [kind, kind], native)
})

t.test('a code that is not listed is told by its family', async (t) => {
  const members = {
    invalid_request: ['InvalidParameter.NotSupportEnableThinking', 'InternalError.Algo.InvalidParameter', 'BadRequest.EmptyInput'],
    request_too_large: ['BadRequest.TooLarge'],
    rate_limited: ['Throttling', 'Throttling.SomethingNew'],
    permission_denied: ['AccessDenied.Unpurchased', 'Workspace.AccessDenied'],
    upstream_timeout: ['InternalError.Timeout'],
    upstream_failed: ['InternalError.Algo', 'ModelServingError', 'SystemError']
  }
  for (const [kind, codes] of Object.entries(members)) for (const code of codes) t.equal(kindOfCode(code), kind, code)
})

t.test('a word that says too little leaves it to the status', async (t) => {
  for (const word of ['invalid_request_error', 'New.Code', 'requests', '', 'constructor']) t.equal(kindOfCode(word), undefined, word)
})

t.test('an unexplained status speaks of the gateway\'s key, of the client\'s request, or of the upstream', async (t) => {
  const statuses: readonly [number, string][] = [
    [400, 'invalid_request'], [401, 'upstream_auth'], [403, 'upstream_auth'], [404, 'not_found'], [408, 'upstream_timeout'],
    [409, 'conflict'], [413, 'request_too_large'], [415, 'unsupported_media_type'], [422, 'invalid_request'], [429, 'rate_limited'],
    [500, 'upstream_failed'], [503, 'upstream_failed'], [504, 'upstream_timeout'], [302, 'upstream_failed']
  ]
  for (const [status, kind] of statuses) t.equal(kindOfStatus(status), kind, String(status))
})
