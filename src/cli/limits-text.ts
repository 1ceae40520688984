import type { LimitSettings, RateSetting } from '../accounts/limit-settings.ts'

/** All of it in one line. */
export function limitsText (limits: LimitSettings): string {
  const parts = [
    ...(limits.requests_per_minute === undefined ? [] : [`${rateText(limits.requests_per_minute)} requests/min`]),
    ...(limits.tokens_per_minute === undefined ? [] : [`${rateText(limits.tokens_per_minute)} tokens/min`]),
    ...(limits.concurrent_requests === undefined ? [] : [`${limits.concurrent_requests} at once`]),
    ...(limits.budgets ?? []).map(({ id, unit, period, amount }) => `${id} ${amount} ${unit}/${period}`),
    ...(limits.per_model === undefined ? [] : [`${limits.per_model.length} for some models`]),
    ...(limits.models === undefined ? [] : [`models ${limits.models.join(' ')}`])
  ]
  return parts.length === 0 ? 'no limits' : parts.join(', ')
}

function rateText (rate: RateSetting): string {
  if (typeof rate === 'number') return String(rate)
  const details = [...(rate.burst === undefined ? [] : [`burst ${rate.burst}`]), ...(rate.strict === true ? ['strict'] : [])]
  return details.length === 0 ? String(rate.limit) : `${rate.limit} (${details.join(', ')})`
}
