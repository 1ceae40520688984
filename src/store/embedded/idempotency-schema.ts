export const IDEMPOTENCY_SCHEMA = `CREATE TABLE idempotency (name TEXT PRIMARY KEY, text TEXT NOT NULL, until_ms INTEGER NOT NULL) STRICT;
   CREATE INDEX idempotency_by_end ON idempotency (until_ms)`
