/** What one metric is called, says and is counted by. */
export interface MetricDefinition {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  readonly buckets?: readonly number[]
}

/** Answers of models take from a tenth of a second to many minutes. */
const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]
const LATE_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** Powers of four, as the GenAI conventions have them. */
const TOKENS = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864]
const GEN_AI = ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model'] as const
const GEN_AI_USAGE = [...GEN_AI, 'gen_ai_token_modality'] as const

/**
 * Every metric this process exposes, but for those of the process itself. The GenAI names are those of OpenTelemetry's
 * conventions after their split into counters for sums and histograms for percentiles; they are still in development.
 */
export const METRICS = {
  requests: {
    name: 'dashgate_requests_total',
    type: 'counter',
    help: 'Requests that have ended, by how. error is the kind of error, or none; status the class of the HTTP status.',
    labels: ['surface', 'model', 'upstream', 'outcome', 'error', 'status']
  },
  teamRequests: { name: 'dashgate_team_requests_total', type: 'counter', help: 'The same by team.', labels: ['team', 'outcome', 'status'] },
  refused: {
    name: 'dashgate_refused_total', type: 'counter', help: 'Requests refused before they were read, by kind of error.', labels: ['error']
  },
  inFlight: {
    name: 'dashgate_requests_in_flight', type: 'gauge', help: 'Requests under way, until their records are written.', labels: ['surface']
  },
  duration: {
    name: 'dashgate_request_duration_seconds',
    type: 'histogram',
    help: 'Time from the request to the end of its answer.',
    labels: ['model', 'upstream'],
    buckets: SECONDS
  },
  firstContent: {
    name: 'dashgate_first_content_seconds',
    type: 'histogram',
    help: 'Time from the request to the first generated content of a stream.',
    labels: ['model', 'upstream'],
    buckets: SECONDS
  },
  tokens: {
    name: 'dashgate_tokens_total',
    type: 'counter',
    help: 'Tokens charged. direction is input, cached, output or reasoning; cached and reasoning are part of the other two.',
    labels: ['model', 'direction', 'source']
  },
  teamTokens: { name: 'dashgate_team_tokens_total', type: 'counter', help: 'The same by team.', labels: ['team', 'direction'] },
  cost: {
    name: 'dashgate_cost_nano_total',
    type: 'counter',
    help: 'Money charged, in 10⁻⁹ of the currency: whole numbers, as in the ledger.',
    labels: ['model', 'upstream', 'currency']
  },
  teamCost: { name: 'dashgate_team_cost_nano_total', type: 'counter', help: 'The same by team.', labels: ['team', 'currency'] },
  genAiInput: {
    name: 'gen_ai_client_inference_usage_input_tokens_total',
    type: 'counter',
    help: 'Input tokens, cached ones included.',
    labels: GEN_AI_USAGE
  },
  genAiOutput: {
    name: 'gen_ai_client_inference_usage_output_tokens_total',
    type: 'counter',
    help: 'Output tokens, reasoning included.',
    labels: GEN_AI_USAGE
  },
  genAiCacheRead: {
    name: 'gen_ai_client_inference_usage_cache_read_input_tokens_total',
    type: 'counter',
    help: 'Input tokens read from a cache of the provider.',
    labels: GEN_AI_USAGE
  },
  genAiCacheWrite: {
    name: 'gen_ai_client_inference_usage_cache_write_input_tokens_total',
    type: 'counter',
    help: 'Input tokens written to a cache of the provider.',
    labels: GEN_AI_USAGE
  },
  genAiReasoning: {
    name: 'gen_ai_client_inference_usage_reasoning_output_tokens_total',
    type: 'counter',
    help: 'Output tokens that were spent on reasoning.',
    labels: GEN_AI_USAGE
  },
  genAiInputSizes: {
    name: 'gen_ai_client_inference_operation_input_tokens',
    type: 'histogram',
    help: 'Input tokens of one call, for percentiles.',
    labels: GEN_AI,
    buckets: TOKENS
  },
  genAiOutputSizes: {
    name: 'gen_ai_client_inference_operation_output_tokens',
    type: 'histogram',
    help: 'Output tokens of one call, for percentiles.',
    labels: GEN_AI,
    buckets: TOKENS
  },
  limitRefusals: {
    name: 'dashgate_limit_refusals_total',
    type: 'counter',
    help: 'Requests that a limit refused, by the limit that decided.',
    labels: ['scope', 'kind', 'unit']
  },
  holds: { name: 'dashgate_holds', type: 'gauge', help: 'Requests that were let in and are not settled yet.', labels: [] },
  heldTokens: { name: 'dashgate_held_tokens', type: 'gauge', help: 'Tokens that are held for them: the most they may use.', labels: [] },
  attempts: {
    name: 'dashgate_upstream_attempts_total',
    type: 'counter',
    help: 'Tries made at an upstream. error is the kind of error that the try ended in, or none.',
    labels: ['upstream', 'error']
  },
  upstreamInFlight: {
    name: 'dashgate_upstream_in_flight', type: 'gauge', help: 'Tries under way at an upstream.', labels: ['upstream']
  },
  upstreamKeys: {
    name: 'dashgate_upstream_keys', type: 'gauge', help: 'Keys of an upstream by what is done with them.', labels: ['upstream', 'state']
  },
  ledgerLost: { name: 'dashgate_ledger_lost_total', type: 'counter', help: 'Ledger records that could not be written.', labels: [] },
  refusalsLost: { name: 'dashgate_refusals_lost_total', type: 'counter', help: 'Refusals that could not be written down.', labels: [] },
  storeUp: { name: 'dashgate_store_up', type: 'gauge', help: 'Whether the store of the limits answers.', labels: [] },
  storeBreaker: {
    name: 'dashgate_store_breaker',
    type: 'gauge',
    help: 'Whether calls to the store go through: 1 for the present state (closed, open, half_open), 0 for the others.',
    labels: ['state']
  },
  storeErrors: {
    name: 'dashgate_store_errors_total',
    type: 'counter',
    help: 'Calls that the store did not answer, by why.',
    labels: ['operation', 'code']
  },
  storeSound: {
    name: 'dashgate_store_config_ok', type: 'gauge', help: 'Whether the store is set up so that it can keep budgets.', labels: []
  },
  storeRollbacks: {
    name: 'dashgate_store_rollback_total', type: 'counter', help: 'Times the store was found to have lost writes.', labels: []
  },
  storeRepeated: {
    name: 'dashgate_store_repeated_total',
    type: 'counter',
    help: 'Calls whose first answer was lost and whose repetition changed nothing.',
    labels: ['operation']
  },
  scriptLoads: {
    name: 'dashgate_store_script_loads_total', type: 'counter', help: 'Times a script was sent whole, because Redis did not have it.', labels: []
  },
  skew: { name: 'dashgate_store_clock_skew_seconds', type: 'gauge', help: 'How far the store\'s clock is ahead of ours.', labels: [] },
  ambiguous: {
    name: 'dashgate_reserve_ambiguous_total',
    type: 'counter',
    help: 'Reservations that were voided because nobody knows whether they were made.',
    labels: []
  },
  swept: {
    name: 'dashgate_reservations_swept_total',
    type: 'counter',
    help: 'Reservations that a renewal or a sweep of this gateway found run out, and ended: they are charged in full.',
    labels: []
  },
  settlementsLost: {
    name: 'dashgate_settlements_lost_total', type: 'counter', help: 'Settlements that the store will never take.', labels: ['reason']
  },
  spoolPending: { name: 'dashgate_spool_pending', type: 'gauge', help: 'Settlements that the store has not acknowledged.', labels: [] },
  spoolOldest: { name: 'dashgate_spool_oldest_seconds', type: 'gauge', help: 'How long the oldest of them has been waiting.', labels: [] },
  spoolHealthy: { name: 'dashgate_spool_healthy', type: 'gauge', help: 'Whether settlements can be written down.', labels: [] },
  reloads: {
    name: 'dashgate_config_reloads_total',
    type: 'counter',
    help: 'Reloads of the configuration: applied, or kept as it was because the new one is bad.',
    labels: ['result']
  },
  reloadOk: {
    name: 'dashgate_config_last_reload_ok', type: 'gauge', help: 'Whether the configuration that was read last is in use.', labels: []
  },
  spans: {
    name: 'dashgate_trace_spans_total',
    type: 'counter',
    help: 'Spans that were exported, or lost because the collector was away or too slow.',
    labels: ['result']
  },
  eventLoop: {
    name: 'dashgate_event_loop_delay_seconds',
    type: 'histogram',
    help: 'How late a timer of 20 ms was: what everything else waited too.',
    labels: [],
    buckets: LATE_SECONDS
  },
  build: { name: 'dashgate_build_info', type: 'gauge', help: '1, with the versions of the gateway and of Node.js.', labels: ['version', 'node'] }
} as const satisfies Record<string, MetricDefinition>

/**
 * Of prom-client's own metrics those that dashboards of processes look for, under their usual names. Its figures of the event
 * loop are left out: they count the pause between two looks as delay, and are reset by whoever reads them.
 */
export const PROCESS_METRICS = [
  'process_cpu_user_seconds_total',
  'process_cpu_system_seconds_total',
  'process_cpu_seconds_total',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_virtual_memory_bytes',
  'process_heap_bytes',
  'process_open_fds',
  'process_max_fds',
  'nodejs_heap_size_total_bytes',
  'nodejs_heap_size_used_bytes',
  'nodejs_external_memory_bytes',
  'nodejs_gc_duration_seconds'
] as const
