export const CLAIMS_SCHEMA = `CREATE TABLE claims (name TEXT PRIMARY KEY, text TEXT NOT NULL, until_ms INTEGER NOT NULL) STRICT;
   CREATE INDEX claims_by_end ON claims (until_ms)`
