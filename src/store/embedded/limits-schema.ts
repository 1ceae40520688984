/**
 * Counters are whole numbers, and a few are texts: NUMERIC keeps each as what it is, which no type of a STRICT table does.
 * Leases end with the process, so that `due_ms` of a held reservation only tells when it was made.
 */
export const LIMITS_SCHEMA = `CREATE TABLE limit_counters (
     team TEXT NOT NULL, field TEXT NOT NULL, value NUMERIC NOT NULL, PRIMARY KEY (team, field)
   ) WITHOUT ROWID;
   CREATE TABLE limit_reservations (
     team TEXT NOT NULL, rid TEXT NOT NULL, due_ms INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (team, rid)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE limit_finals (
     team TEXT NOT NULL, rid TEXT NOT NULL, born_ms INTEGER NOT NULL, PRIMARY KEY (team, rid)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX limit_finals_by_birth ON limit_finals (born_ms);
   CREATE TABLE expired_reservations (
     team TEXT NOT NULL, rid TEXT NOT NULL, time_ms INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (team, rid)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE refusals (
     number INTEGER PRIMARY KEY, request_id TEXT NOT NULL, time_ms INTEGER NOT NULL, team TEXT NOT NULL, key_id TEXT NOT NULL,
     model TEXT NOT NULL, error_kind TEXT NOT NULL, message TEXT NOT NULL, limits TEXT NOT NULL
   ) STRICT;
   CREATE INDEX refusals_by_request ON refusals (request_id);
   ALTER TABLE ledger ADD COLUMN limits TEXT NOT NULL DEFAULT '[]'`
