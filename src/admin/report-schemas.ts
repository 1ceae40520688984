import Type from 'typebox'
import { closed, InstantSchema, orNull, pageReply } from './schemas.ts'
import { GROUPS } from './usage-query.ts'
import { LimitReportSchema } from './limits.ts'
import { OUTCOMES } from '../metering/request-log.ts'

// What the answers of reports look like, for their description.

const Count = Type.Integer({ minimum: 0 })
const LocalTime = Type.String({ format: 'date-time', description: 'With the offset of the time zone.' })
const Latency = orNull(Type.Integer({ minimum: 0, description: 'From counts in buckets: within a bucket they are taken to be spread evenly.' }))
const Name = orNull(Type.String({ description: 'As it is now; null where it has none.' }))
const Currency = orNull(Type.String({ description: 'null for models without a price.' }))

const COUNTS = {
  currency: Currency,
  requests: Count,
  errors: Type.Integer({ minimum: 0, description: 'Requests that failed, were cut, or expired.' }),
  estimated: Type.Integer({ minimum: 0, description: 'Attempts whose tokens were counted here, as nobody reported them.' }),
  input_tokens: Count,
  cached_tokens: Count,
  output_tokens: Count,
  reasoning_tokens: Count,
  total_tokens: Count,
  cost_nano: Count,
  cost: orNull(Type.String({ description: 'The same in whole units of the currency, exactly.' })),
  duration_ms_p50: Latency,
  duration_ms_p95: Latency,
  first_content_ms_p50: Latency,
  first_content_ms_p95: Latency
}

const UsageRowSchema = Type.Object({
  start: LocalTime,
  end: LocalTime,
  team: Type.Optional(Type.String()),
  team_name: Type.Optional(Name),
  key: Type.Optional(Type.String()),
  key_name: Type.Optional(Name),
  model: Type.Optional(Type.String()),
  ...COUNTS
}, { ...closed, title: 'UsageRow' })

export const UsageReplySchema = Type.Object({
  from: LocalTime,
  to: LocalTime,
  time_zone: Type.String(),
  group_by: Type.Array(Type.Enum([...GROUPS])),
  data: Type.Array(UsageRowSchema),
  totals: Type.Array(Type.Object(COUNTS, { ...closed, title: 'UsageTotal' }), { description: 'One for each currency.' })
}, { ...closed, title: 'Usage' })

const UsageSchema = Type.Object({
  input_tokens: Count,
  cached_tokens: Count,
  output_tokens: Count,
  reasoning_tokens: Count,
  total_tokens: Count,
  source: Type.Enum(['reported', 'estimated'])
}, { ...closed, title: 'RequestUsage' })

/** What a refusal has too. */
const REQUEST = {
  request_id: Type.String(),
  time: InstantSchema,
  team: Type.String(),
  key_id: Type.String(),
  model: Type.String(),
  status: Type.Integer(),
  outcome: Type.Enum([...OUTCOMES]),
  error: orNull(Type.String()),
  cost_nano: Count
}

const CHARGED = {
  surface: Type.String(),
  upstream: Type.String(),
  upstream_model: Type.String(),
  upstream_request_id: orNull(Type.String()),
  stream: Type.Boolean(),
  attempts: Type.Integer({ minimum: 0, description: 'Tries that were made until then.' }),
  currency: Currency,
  first_content_ms: orNull(Count),
  duration_ms: Count
}

const ATTEMPT = {
  attempt: Type.Integer({ minimum: 1, description: 'Which of the records of its request it is.' }),
  superseded: Type.Boolean({ description: 'Another record of the request follows.' })
}

const AttemptSchema = Type.Object({ ...REQUEST, ...CHARGED, ...ATTEMPT, usage: UsageSchema }, { ...closed, title: 'BilledAttempt' })
const REFUSAL = { ...REQUEST, message: Type.String(), usage: Type.Null() }
const RefusalSchema = Type.Object(REFUSAL, { ...closed, title: 'Refusal' })

export const RequestsReplySchema = pageReply(Type.Union([AttemptSchema, RefusalSchema]))

const limits = Type.Array(LimitReportSchema, { description: 'What every limit that applied said when it was decided.' })

export const RequestReplySchema = Type.Union([
  Type.Object({
    ...REQUEST,
    ...CHARGED,
    usage: UsageSchema,
    limits,
    billed_attempts: Type.Array(Type.Object({ ...AttemptSchema.properties, limits }, { ...closed, title: 'ExplainedAttempt' }))
  }, { ...closed, title: 'ExplainedRequest' }),
  Type.Object({ ...REFUSAL, limits, billed_attempts: Type.Array(Type.Never(), { maxItems: 0 }) }, { ...closed, title: 'ExplainedRefusal' })
])

const Id = orNull(Type.String({ description: 'null unless it is grouped by.' }))

const CompletionsResultSchema = Type.Object({
  object: Type.Literal('organization.usage.completions.result'),
  input_tokens: Count,
  input_cached_tokens: Count,
  input_uncached_tokens: Count,
  output_tokens: Count,
  num_model_requests: Count,
  project_id: Id,
  user_id: Type.Null(),
  api_key_id: Id,
  model: Id,
  batch: Type.Null(),
  service_tier: Type.Null()
}, { ...closed, title: 'CompletionsResult' })

const CostsResultSchema = Type.Object({
  object: Type.Literal('organization.costs.result'),
  amount: Type.Object({ value: Type.Number(), currency: Type.String({ pattern: '^[a-z]{3}$' }) }, closed),
  line_item: Id,
  project_id: Id,
  api_key_id: Id,
  user_id: Type.Null(),
  quantity: Type.Null()
}, { ...closed, title: 'CostsResult' })

function bucketsOf (result: typeof CompletionsResultSchema | typeof CostsResultSchema) {
  return Type.Object({
    object: Type.Literal('page'),
    data: Type.Array(Type.Object({
      object: Type.Literal('bucket'), start_time: Type.Integer(), end_time: Type.Integer(), results: Type.Array(result)
    }, closed)),
    has_more: Type.Boolean(),
    next_page: orNull(Type.String())
  }, closed)
}

export const CompletionsReplySchema = bucketsOf(CompletionsResultSchema)
export const CostsReplySchema = bucketsOf(CostsResultSchema)
