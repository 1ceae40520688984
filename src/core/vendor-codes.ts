import type { ErrorKind } from './errors.ts'

/**
 * The codes and types of an upstream's error by what they mean here. DashScope has two spellings of many, its native and its
 * compatible one, and its hosts mix them; OpenAI's own words stand among the latter. Source: DashScope's error catalogue.
 */
const CODES: Readonly<Partial<Record<ErrorKind, readonly string[]>>> = {
  invalid_request: ['InvalidParameter', 'invalid_parameter_error', 'invalid_value', 'context_length_exceeded'],
  unsupported_parameter: ['unsupported_parameter'],
  content_filtered: [
    'DataInspectionFailed', 'data_inspection_failed', 'content_filter', 'content_policy_violation', 'IPInfringementSuspect',
    'FaqRuleBlocked', 'CustomRoleBlocked'
  ],
  account_overdue: ['Arrearage', 'CommodityNotPurchased', 'PrepaidBillOverdue', 'PostpaidBillOverdue'],
  upstream_auth: ['InvalidApiKey', 'invalid_api_key', 'NOT AUTHORIZED', 'authentication_error'],
  permission_denied: ['AccessDenied', 'access_denied', 'permission_error'],
  free_tier_exhausted: ['AllocationQuota.FreeTierOnly'],
  model_not_found: ['ModelNotFound', 'model_not_found', 'model_not_supported'],
  not_found: ['NotFound', 'WorkSpaceNotFound'],
  conflict: ['Conflict'],
  request_too_large: ['BadRequest.TooLarge'],
  rate_limited: ['LimitRequests', 'limit_requests', 'rate_limit_exceeded', 'rate_limit_error'],
  burst_limited: ['Throttling.BurstRate', 'limit_burst_rate'],
  budget_exhausted: ['Throttling.AllocationQuota', 'insufficient_quota'],
  upstream_timeout: ['RequestTimeOut', 'request_timeout', 'ResponseTimeout'],
  upstream_failed: ['internal_error', 'server_error', 'service_unavailable']
}

/** For codes not listed one by one, in this order: `InternalError.Algo.InvalidParameter` is the client's mistake. */
const FAMILIES: readonly (readonly [RegExp, ErrorKind])[] = [
  [/(?:^|\.)InvalidParameter(?:\.|$)|^BadRequest(?:\.|$)/, 'invalid_request'],
  [/^Throttling(?:\.|$)/, 'rate_limited'],
  [/(?:^|\.)AccessDenied(?:\.|$)/, 'permission_denied'],
  [/\.Timeout$/, 'upstream_timeout'],
  [/^(?:InternalError|SystemError|ModelServ|ModelUnavailable)/, 'upstream_failed']
]

/** Without a word to explain it, 403 is said of the gateway's key just as 401 is. */
const STATUSES: ReadonlyMap<number, ErrorKind> = new Map<number, ErrorKind>([
  [401, 'upstream_auth'], [403, 'upstream_auth'], [404, 'not_found'], [408, 'upstream_timeout'], [409, 'conflict'],
  [413, 'request_too_large'], [415, 'unsupported_media_type'], [429, 'rate_limited'], [504, 'upstream_timeout']
])

/** What a code or a type means, or undefined where it says too little, as `invalid_request_error` does. */
export function kindOfCode (code: string): ErrorKind | undefined {
  return KIND_BY_CODE.get(code) ?? FAMILIES.find(([family]) => family.test(code))?.[1]
}

export function kindOfStatus (status: number): ErrorKind {
  return STATUSES.get(status) ?? (status >= 400 && status < 500 ? 'invalid_request' : 'upstream_failed')
}

const KIND_BY_CODE: ReadonlyMap<string, ErrorKind> = new Map((Object.entries(CODES) as [ErrorKind, readonly string[]][])
  .flatMap(([kind, codes]) => codes.map((code) => [code, kind] as const)))
