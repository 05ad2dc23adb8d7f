-- The embedded store. `user_version` holds the schema's number (SCHEMA_VERSION in
-- store/sqlite/store_file.py): raise it with any change here except comments; a file of another
-- number is carried over or set aside (write/older_files.py). What is derived from this is in a file of its own: settled.sql. Numbers that code and schema share are in
-- store/sqlite/table_layout.py. README.md of store/ says who writes and who deletes each table's rows.

-- One sequence (`seq`) numbers spans and logs by arrival, so that the oldest of both can go first.
-- No table is bound to another: a log may come before its span, or alone.

-- Counters, marks and bounds: store/sqlite/write/counters.py.
CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

-- Serialized Resource and InstrumentationScope messages, each kept once.
CREATE TABLE origins (
    id       INTEGER PRIMARY KEY,
    body     BLOB NOT NULL UNIQUE,
    last_seq INTEGER NOT NULL -- number of the last row that uses it, or a later one
);

CREATE TABLE spans (
    seq            INTEGER PRIMARY KEY,
    trace_id       BLOB NOT NULL,
    span_id        BLOB NOT NULL,
    parent_span_id BLOB,
    service        TEXT NOT NULL,
    name           TEXT NOT NULL,
    kind           INTEGER NOT NULL,
    start          INTEGER NOT NULL, -- Unix ns, as are all times here
    duration       INTEGER NOT NULL, -- ns
    flags          INTEGER NOT NULL, -- SpanFlags: 1 error, 2 peer is a database, 4 browser
    peer           TEXT NOT NULL,
    session_id     TEXT,
    resource       INTEGER NOT NULL,
    scope          INTEGER NOT NULL,
    raw            BLOB NOT NULL
);
-- Deduplicates: INSERT OR IGNORE keeps the first span of an id.
CREATE UNIQUE INDEX spans_by_id ON spans (trace_id, span_id);
CREATE INDEX spans_by_session ON spans (session_id, start) WHERE session_id IS NOT NULL;

-- The newest logs; a thousand of them at a time are packed into `log_parts`. No index: all are read.
CREATE TABLE logs (
    seq        INTEGER PRIMARY KEY,
    time       INTEGER NOT NULL,
    severity   INTEGER NOT NULL,
    service    TEXT NOT NULL,
    trace_id   BLOB,
    span_id    BLOB,
    session_id TEXT,
    body       TEXT NOT NULL,
    resource   INTEGER NOT NULL,
    scope      INTEGER NOT NULL,
    raw        BLOB NOT NULL
);

-- Counts of logs by service, severity and deployment environment, in slots of 10 s (LOG_SLOT_NS).
CREATE TABLE log_cells (
    slot        INTEGER NOT NULL, -- time divided by LOG_SLOT_NS
    service     TEXT NOT NULL,
    severity    INTEGER NOT NULL,
    environment TEXT NOT NULL,
    n           INTEGER NOT NULL,
    PRIMARY KEY (slot, service, severity, environment)
) WITHOUT ROWID;

-- What was pruned lately: traces by id, sessions by name.
CREATE TABLE tombstones (
    id   INTEGER PRIMARY KEY,
    name BLOB NOT NULL UNIQUE
);

-- Which number of the sequence was reached when, by the store's own clock; a row every 5 s at most.
CREATE TABLE arrivals (
    seq       INTEGER PRIMARY KEY,
    unix_nano INTEGER NOT NULL
);
