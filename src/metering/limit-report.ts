/** What one limit had to say of one request, in the words shown to people: answers, records and explanations all hold these. */
export interface LimitReport {
  readonly scope: 'team' | 'key' | 'team_model' | 'key_model'
  /** `requests_per_minute`, `tokens_per_minute`, `concurrent_requests`, or the budget's own id. */
  readonly id: string
  /** For `team_model` and `key_model`: the id of the entry of per_model. */
  readonly perModelId: string | undefined
  readonly kind: 'rate' | 'concurrency' | 'budget'
  /** `requests`, `tokens`, or a currency, whose amounts are then in 10⁻⁹. */
  readonly unit: string
  readonly amount: number
  /** Of a rate: what is missing in its bucket, rounded up. Of a budget: spent. Of concurrency: under way. */
  readonly used: number
  /** By requests still under way; budgets alone tell this apart from used. */
  readonly held: number
  readonly requested: number
  readonly remaining: number
  readonly allows: boolean
  /** Absent where the limit allows it, and `never` where waiting does not help. */
  readonly retryAfterMs: number | 'never' | undefined
  /** When the limit is whole again, in store time; undefined where nobody knows, or never. */
  readonly resetsAtMs: number | undefined
}
