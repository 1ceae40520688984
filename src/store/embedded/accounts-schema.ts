/** Teams and keys as documents; a removed one keeps its row without a document. What the first version kept of keys moves in. */
export const ACCOUNTS_SCHEMA = `CREATE TABLE accounts (
     kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, change INTEGER NOT NULL UNIQUE,
     removed_ms INTEGER, document TEXT, PRIMARY KEY (kind, id)
   ) STRICT;
   INSERT INTO accounts SELECT 'team', team, 1, row_number() OVER (ORDER BY team), NULL,
     json_object('id', team, 'settings', json('{}'), 'createdMs', min(created_ms), 'revision', 1)
     FROM keys GROUP BY team;
   INSERT INTO accounts SELECT 'key', id, 1, (SELECT count(*) FROM accounts) + row_number() OVER (ORDER BY id), NULL,
     json_object('id', id, 'team', team, 'digest', digest, 'settings', json('{}'), 'createdMs', created_ms, 'revision', 1)
     FROM keys;
   DROP TABLE keys`
