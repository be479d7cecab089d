-- The log: this database's own order, and the number space of each home (farm_id is empty for account facts).
CREATE TABLE log (one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL, position INTEGER NOT NULL, trimmed_to INTEGER NOT NULL) STRICT;
CREATE TABLE home (store_id TEXT NOT NULL, farm_id TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (store_id, farm_id)) STRICT, WITHOUT ROWID;

-- What list columns each kind's table was made with, so that a table of other columns is rebuilt from its documents.
CREATE TABLE kind_table (kind TEXT PRIMARY KEY, signature TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE label (kind TEXT NOT NULL, id TEXT NOT NULL, label TEXT NOT NULL, PRIMARY KEY (kind, label, id)) STRICT, WITHOUT ROWID;
CREATE INDEX label_of ON label (kind, id);
CREATE TABLE pair (kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, name, value, id)) STRICT, WITHOUT ROWID;
CREATE INDEX pair_of ON pair (kind, id);

CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    store_id TEXT NOT NULL, farm_id TEXT NOT NULL, number INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
    subject_kind TEXT NOT NULL, subject_id TEXT NOT NULL, subject_revision INTEGER NOT NULL,
    actor TEXT NOT NULL, occurred_at INTEGER NOT NULL, received_at INTEGER NOT NULL, clock_ok INTEGER NOT NULL, live INTEGER NOT NULL,
    api_version TEXT NOT NULL, labels TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (store_id, farm_id, number)
) STRICT;
CREATE INDEX event_of ON event (subject_id, position);

-- Outcomes of calls that carried an Idempotency-Key, written in the transaction of their effect.
CREATE TABLE request (id TEXT PRIMARY KEY, body_hash TEXT NOT NULL, outcome TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX request_age ON request (created_at);

-- At a relay: what was asked of a farm while it was away, until the farm has answered.
CREATE TABLE mailbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, store_id TEXT NOT NULL, farm_id TEXT NOT NULL,
    command TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, call TEXT NOT NULL, tries INTEGER NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX mailbox_of ON mailbox (farm_id, seq);
CREATE INDEX mailbox_about ON mailbox (subject);

-- At a relay: claimed farms, the key that each proves itself by, and how far its copy is.
CREATE TABLE tunnel (farm_id TEXT PRIMARY KEY, store_id TEXT NOT NULL, state TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Uploads that come in pieces. The offset is what is durable of them in the folder of content.
CREATE TABLE upload (
    id TEXT PRIMARY KEY, store_id TEXT NOT NULL, size_bytes INTEGER NOT NULL, offset_bytes INTEGER NOT NULL, expires_at INTEGER NOT NULL, state TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_of ON upload (store_id);

-- At a relay: content that lies here for a farm. Nobody reaches it but through that farm's row. What is promised is kept until the farm has it.
CREATE TABLE kept (
    store_id TEXT NOT NULL, farm_id TEXT NOT NULL, sha256 TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    promised INTEGER NOT NULL, since INTEGER NOT NULL, used_at INTEGER NOT NULL, PRIMARY KEY (store_id, farm_id, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_of ON kept (sha256);

-- At a relay: farms that want to be claimed, until the code ends. The code that the agent asks with is kept as a hash.
CREATE TABLE pairing (user_code TEXT PRIMARY KEY, device BLOB NOT NULL UNIQUE, document TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Acts on devices: written before the device is touched.
CREATE TABLE act (attempt TEXT NOT NULL, verb TEXT NOT NULL, state TEXT NOT NULL, written_at INTEGER NOT NULL, deadline INTEGER NOT NULL, observed TEXT NOT NULL, PRIMARY KEY (attempt, verb)) STRICT, WITHOUT ROWID;
CREATE TABLE bed_token (printer TEXT NOT NULL, number INTEGER NOT NULL, token TEXT NOT NULL, consumed_by TEXT, PRIMARY KEY (printer, number)) STRICT, WITHOUT ROWID;

-- A bed is clear exactly while an unconsumed token exists.
CREATE UNIQUE INDEX bed_token_unused ON bed_token (printer) WHERE consumed_by IS NULL;

CREATE TABLE cursor (reader TEXT PRIMARY KEY, epoch TEXT NOT NULL, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Secrets: sealed values that are needed again, and hashes of credentials that are only compared.
CREATE TABLE secret (owner TEXT NOT NULL, name TEXT NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (owner, name)) STRICT, WITHOUT ROWID;
CREATE TABLE credential (hash BLOB PRIMARY KEY, kind TEXT NOT NULL, owner TEXT NOT NULL, expires_at INTEGER) STRICT, WITHOUT ROWID;
CREATE INDEX credential_of ON credential (owner);

-- What keys are used for at this door, by day since 1970; the networks that they came from last; and what was told of them when.
CREATE TABLE key_use (
    key TEXT NOT NULL, day INTEGER NOT NULL, calls INTEGER NOT NULL, errors INTEGER NOT NULL, refused INTEGER NOT NULL, throttled INTEGER NOT NULL,
    used_at INTEGER, PRIMARY KEY (key, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE key_network (key TEXT NOT NULL, network TEXT NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, PRIMARY KEY (key, network)) STRICT, WITHOUT ROWID;
CREATE TABLE key_told (key TEXT NOT NULL, what TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (key, what)) STRICT, WITHOUT ROWID;

-- Tries that count against a PIN: of an operator, or of one browser that they used before.
CREATE TABLE pin_try (who TEXT PRIMARY KEY, wrong INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- At a relay: what people sign in with besides links. A password is an Argon2id hash; a passkey's key is the public one.
CREATE TABLE password (user TEXT PRIMARY KEY, hash TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE passkey (id TEXT PRIMARY KEY, credential TEXT NOT NULL UNIQUE, user TEXT NOT NULL, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_of ON passkey (user);
CREATE TABLE identity (issuer TEXT NOT NULL, subject TEXT NOT NULL, user TEXT NOT NULL, PRIMARY KEY (issuer, subject, user)) STRICT, WITHOUT ROWID;
CREATE INDEX identity_of ON identity (user);

-- The head says how long a chain is: without it, entries removed from its end would not show.
CREATE TABLE audit_head (home TEXT PRIMARY KEY, n INTEGER NOT NULL, hash BLOB NOT NULL) STRICT, WITHOUT ROWID;
-- What is looked for is derived from the entry itself: nothing of a row stands outside its hash.
CREATE TABLE audit (
    home TEXT NOT NULL, n INTEGER NOT NULL, entry TEXT NOT NULL, hash BLOB NOT NULL,
    at TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(entry) THEN entry ->> '$.at' END) VIRTUAL,
    actor TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(entry) THEN entry ->> '$.actor.id' END) VIRTUAL,
    subject TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(entry) THEN entry ->> '$.subject' END) VIRTUAL,
    PRIMARY KEY (home, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_at ON audit (home, at, n);
CREATE INDEX audit_of ON audit (home, actor, at, n);
CREATE INDEX audit_about ON audit (home, subject, at, n);
-- From that number on a farm's entries are of that store. No rows: all are of the store that the farm is of now.
CREATE TABLE audit_owner (home TEXT NOT NULL, n INTEGER NOT NULL, store_id TEXT NOT NULL, PRIMARY KEY (home, n)) STRICT, WITHOUT ROWID;
-- What is left of entries that were trimmed.
CREATE TABLE audit_checkpoint (
    home TEXT NOT NULL, n INTEGER NOT NULL, hash BLOB NOT NULL, at INTEGER NOT NULL, removed INTEGER NOT NULL, signature TEXT NOT NULL,
    PRIMARY KEY (home, n)
) STRICT, WITHOUT ROWID;
