import { BUCKET_UNITS } from './claim.ts'
import type { Decision } from './reports.ts'

/** A bucket as the client finds it at its next request. */
interface Bucket {
  readonly limit: number
  readonly perMinute: number
  readonly burst: number
  readonly level: number
}

/**
 * OpenAI's `x-ratelimit-limit-requests`, `-remaining-requests`, `-reset-requests` and the same for tokens: of each unit the
 * bucket that is emptiest for its size, after this request where it was granted. Without a rate there is no header.
 */
export function rateLimitHeaders (decision: Decision, outcome: 'granted' | 'refused'): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const unit of ['requests', 'tokens']) {
    const [emptiest] = bucketsOf(decision, unit, outcome).sort((one, other) => one.level / one.burst - other.level / other.burst)
    if (emptiest === undefined) continue
    const { limit, perMinute, burst, level } = emptiest
    headers[`x-ratelimit-limit-${unit}`] = String(limit)
    headers[`x-ratelimit-remaining-${unit}`] = String(Math.max(0, Math.floor(level / BUCKET_UNITS)))
    headers[`x-ratelimit-reset-${unit}`] = duration(Math.ceil((burst * BUCKET_UNITS - level) / perMinute))
  }
  return headers
}

function bucketsOf ({ rules, claims, standings }: Decision, unit: string, outcome: 'granted' | 'refused'): Bucket[] {
  return rules.flatMap((rule, index): Bucket[] => {
    const [claim, standing] = [claims[index], standings[index]]
    if (rule.kind !== 'rate' || rule.unit !== unit || claim?.kind !== 'rate' || standing?.kind !== 'rate') return []
    const taken = outcome === 'granted' ? claim.cost * BUCKET_UNITS : 0
    return [{ limit: rule.limit, perMinute: rule.perMinute, burst: rule.burst, level: standing.level - taken }]
  })
}

/** As OpenAI writes one: `120ms`, `8s`, `6m0s`, `1h0m5s`. From a second on it is rounded up to whole ones. */
function duration (durationMs: number): string {
  if (durationMs > 0 && durationMs < 1_000) return `${durationMs}ms`
  const seconds = Math.ceil(durationMs / 1_000)
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60]
  const parts = [[hours, 'h'], [minutes, 'm'], [seconds % 60, 's']] as const
  const largest = parts.findIndex(([count, unit]) => count > 0 || unit === 's')
  return parts.slice(largest).map((part) => part.join('')).join('')
}
