/** The audit log. It only grows: a number that was given is never given again, also where the entry was taken away. */
export const AUDIT_SCHEMA = `CREATE TABLE audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL, entry TEXT NOT NULL) STRICT;
   CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit log only grows'); END;
   CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit log only grows'); END`
