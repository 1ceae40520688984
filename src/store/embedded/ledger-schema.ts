import { LATENCY_BOUNDS_MS } from '../../metering/rollups.ts'

const HOUR_MS = 3_600_000
const NO_BOUND = Number.MAX_SAFE_INTEGER

const latencyColumns = (name: string): string[] => [...LATENCY_BOUNDS_MS.map(String), 'more'].map((bound) => `${name}_${bound}`)

/** All that is summed up of an hour: counts, and then one for each bucket of the two latencies. */
export const COUNT_COLUMNS = [
  'requests', 'errors', 'estimated', 'input_tokens', 'cached_tokens', 'output_tokens', 'reasoning_tokens', 'cost_nano', 'duration_ms',
  ...latencyColumns('duration'), ...latencyColumns('first_content')
]

/** The tokens that a bucket of a minute was charged with are all that a lease's end used to say of what it had held. */
const EXPIRED_TOKENS = `coalesce((SELECT max(entry.value ->> 'cost') FROM json_each(body, '$.entries') AS entry
  WHERE entry.value ->> 'kind' = 'rate' AND entry.value ->> 'id' LIKE '%.tpm'), 0)`

/** How many are in each bucket. */
const counted = (column: string): string => [...LATENCY_BOUNDS_MS, NO_BOUND].map((bound, bucket) => {
  const above = LATENCY_BOUNDS_MS[bucket - 1] ?? -1
  return `sum(outcome <> 'expired' AND ${column} IS NOT NULL AND ${column} > ${above} AND ${column} <= ${bound})`
}).join(', ')

/**
 * Records have the id of their reservation for a key, because a request may have several. What is known of leases that ran
 * out becomes records too, unless they were settled later, and the hours' sums are made of all there is.
 */
export const LEDGER_SCHEMA = `DROP INDEX ledger_by_team;
   ALTER TABLE ledger RENAME TO former_ledger;
   CREATE TABLE ledger (
     number INTEGER PRIMARY KEY, team TEXT NOT NULL, rid TEXT NOT NULL, written_ms INTEGER NOT NULL, request_id TEXT NOT NULL,
     time_ms INTEGER NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, upstream_model TEXT NOT NULL, surface TEXT NOT NULL,
     upstream TEXT NOT NULL, upstream_request_id TEXT, stream INTEGER NOT NULL, attempt INTEGER NOT NULL, superseded INTEGER NOT NULL,
     attempts INTEGER NOT NULL, status INTEGER NOT NULL, outcome TEXT NOT NULL, error_kind TEXT, input_tokens INTEGER NOT NULL,
     cached_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, usage_source TEXT NOT NULL,
     cost_nano INTEGER NOT NULL, currency TEXT, first_content_ms INTEGER, duration_ms INTEGER NOT NULL, limits TEXT NOT NULL,
     UNIQUE (team, rid)
   ) STRICT;
   INSERT INTO ledger SELECT NULL, team, request_id || '#1', time_ms, request_id, time_ms, key_id, model, upstream_model, surface,
     upstream, upstream_request_id, stream, 1, 0, attempts,
     CASE outcome WHEN 'failed' THEN 502 WHEN 'client_closed' THEN 499 ELSE 200 END, outcome, error_kind, input_tokens,
     cached_tokens, output_tokens, reasoning_tokens, usage_source, cost_nano, currency, first_content_ms, duration_ms, limits
     FROM former_ledger ORDER BY time_ms;
   INSERT INTO ledger SELECT NULL, team, rid, time_ms, request_id, body ->> 'bornMs', note ->> 'key', coalesce(note ->> 'model', ''), '',
     coalesce(note ->> 'surface', ''), '', NULL, 0, 1, 0, 1, 500, 'expired', NULL, ${EXPIRED_TOKENS}, 0, 0, 0, 'estimated',
     0, NULL, NULL, 0, '[]'
     FROM (SELECT team, rid, time_ms, body, substr(rid, 1, instr(rid, '#') - 1) AS request_id,
       CASE WHEN json_valid(body ->> 'note') THEN body ->> 'note' ELSE '{}' END AS note FROM expired_reservations) AS lost
     WHERE note ->> 'key' IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM limit_finals WHERE limit_finals.team = lost.team AND limit_finals.rid = lost.rid)
       AND NOT EXISTS (SELECT 1 FROM former_ledger WHERE former_ledger.request_id = lost.request_id)
     ORDER BY time_ms;
   DROP TABLE former_ledger;
   DROP TABLE expired_reservations;
   CREATE INDEX ledger_by_team ON ledger (team, written_ms);
   CREATE INDEX ledger_by_request ON ledger (request_id);
   CREATE TABLE usage_hours (
     team TEXT NOT NULL, hour_ms INTEGER NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, currency TEXT NOT NULL,
     ${COUNT_COLUMNS.map((column) => `${column} INTEGER NOT NULL`).join(', ')},
     PRIMARY KEY (team, hour_ms, key_id, model, currency)
   ) STRICT, WITHOUT ROWID;
   INSERT INTO usage_hours SELECT team, time_ms - time_ms % ${HOUR_MS} AS hour_ms, key_id, model, coalesce(currency, '') AS priced,
     count(*), sum(outcome IN ('failed', 'cut', 'expired')), sum(usage_source = 'estimated' AND input_tokens + output_tokens > 0),
     sum(input_tokens), sum(cached_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost_nano),
     sum(CASE outcome WHEN 'expired' THEN 0 ELSE duration_ms END), ${counted('duration_ms')},
     ${counted('first_content_ms')} FROM ledger GROUP BY team, hour_ms, key_id, model, priced;
   CREATE INDEX refusals_by_team ON refusals (team, time_ms)`
