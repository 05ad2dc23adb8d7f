-- The embedded store. `user_version` holds the schema's number (SCHEMA_VERSION in
-- store/sqlite/store_file.py): raise it with any change here except comments; a file of another
-- number is carried over or set aside (write/older_files.py). Numbers that code and schema share are in
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

-- Beside this table, `logs_text` is a full-text index of its bodies by trigrams, where SQLite has it.
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
-- With severity, service and resource, so that counting by them reads the index alone.
CREATE INDEX logs_by_time ON logs (time, severity, service, resource);
CREATE INDEX logs_by_trace ON logs (trace_id, time) WHERE trace_id IS NOT NULL;
CREATE INDEX logs_by_session ON logs (session_id, time) WHERE session_id IS NOT NULL;

-- Counts of logs by service, severity and deployment environment, in slots of 10 s (LOG_SLOT_NS).
CREATE TABLE log_cells (
    slot        INTEGER NOT NULL, -- time divided by LOG_SLOT_NS
    service     TEXT NOT NULL,
    severity    INTEGER NOT NULL,
    environment TEXT NOT NULL,
    n           INTEGER NOT NULL,
    PRIMARY KEY (slot, service, severity, environment)
) WITHOUT ROWID;

-- What follows is aggregated: computed from the above after the commit, and again when more arrives.

CREATE TABLE traces (
    id         INTEGER PRIMARY KEY,
    trace_id   BLOB NOT NULL,
    start      INTEGER NOT NULL,
    duration   INTEGER NOT NULL,
    service    TEXT NOT NULL,
    operation  TEXT NOT NULL,
    spans      INTEGER NOT NULL,
    errors     INTEGER NOT NULL,
    origins    INTEGER NOT NULL,
    complete   INTEGER NOT NULL,
    session_id TEXT,
    services   TEXT NOT NULL, -- [[name, spans, ERROR_CODES], …] in order of first start
    tags       TEXT NOT NULL, -- promoted tags of the entry span
    calls      TEXT NOT NULL  -- [StoredCall, …] (write/rollups.py): its part of the map's edges
);
CREATE INDEX traces_by_start ON traces (start, duration);
-- By the last 16 digits first, so that one index finds whole ids and short ones.
CREATE INDEX traces_by_id ON traces (substr(trace_id, 9), trace_id);

-- Service, operation and tags of requests, each combination kept once (store/sqlite/tag_sets.py).
-- AUTOINCREMENT: an id is never reused, as readers cache what it stands for.
CREATE TABLE tagsets (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    key  BLOB NOT NULL UNIQUE, -- BLAKE2b of body
    body TEXT NOT NULL         -- {tag: value or [value, …]}, keys sorted
);

-- In which slots of 600 s (TAG_SET_SLOT_NS) traces with a set begin: a search by tags skips the others.
CREATE TABLE set_slots (
    tagset INTEGER NOT NULL,
    slot   INTEGER NOT NULL, -- start of the trace divided by TAG_SET_SLOT_NS
    PRIMARY KEY (tagset, slot)
) WITHOUT ROWID;

-- The requests of a trace, packed into arrays (store/sqlite/packed_requests.py).
CREATE TABLE requests (
    start     INTEGER NOT NULL, -- of the trace
    trace     INTEGER NOT NULL,
    last      INTEGER NOT NULL, -- start of the last request
    sets      BLOB NOT NULL,    -- tag set of each
    lows      BLOB NOT NULL,    -- outcome of each: bucket << 3 | worst error << 1 | error of the entry
    starts    BLOB NOT NULL,    -- start of each, after the trace's
    unbounded TEXT,             -- [[place, {tag: [value, ...]}], ...]: tags too varied for a set
    PRIMARY KEY (start, trace)
) WITHOUT ROWID;
-- 600000000000 is LONG_TRACE_NS; SQLite uses the index only for queries with this very condition.
CREATE INDEX requests_long ON requests (last) WHERE last - start > 600000000000;

-- Tag and value, each pair kept once; which traces and sessions carry it. For traces, only unbounded
-- tags and our own (tag_sets.py): `:service`, `:error` and `:origin` (of a service, or any).
CREATE TABLE pairs (
    id    INTEGER PRIMARY KEY,
    tag   TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (tag, value)
);
CREATE TABLE trace_pairs (
    pair  INTEGER NOT NULL,
    start INTEGER NOT NULL,
    trace INTEGER NOT NULL,
    PRIMARY KEY (pair, start, trace)
) WITHOUT ROWID;
CREATE TABLE session_pairs (
    pair    INTEGER NOT NULL,
    session INTEGER NOT NULL,
    PRIMARY KEY (pair, session)
) WITHOUT ROWID;
CREATE INDEX session_pairs_by_session ON session_pairs (session);

-- Rollups. A series is what is counted; a cell is one slot and latency bucket of it.
CREATE TABLE series (
    id          INTEGER PRIMARY KEY,
    kind        INTEGER NOT NULL, -- SERVICE_SERIES, CALL_SERIES, SAMPLE_SERIES
    environment TEXT NOT NULL,
    subject     TEXT NOT NULL,
    item        TEXT NOT NULL,
    value       TEXT NOT NULL,
    UNIQUE (kind, subject, item, value, environment)
);
CREATE TABLE cells (
    series INTEGER NOT NULL,
    width  INTEGER NOT NULL, -- seconds: one of WIDTHS
    slot   INTEGER NOT NULL, -- start in units of width
    bucket INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    origins INTEGER NOT NULL,
    PRIMARY KEY (series, width, slot, bucket)
) WITHOUT ROWID;

CREATE TABLE sessions (
    id             INTEGER PRIMARY KEY,
    session_id     TEXT NOT NULL UNIQUE,
    start          INTEGER NOT NULL,
    finish         INTEGER NOT NULL,
    last_start     INTEGER NOT NULL,
    app            TEXT NOT NULL,
    environment    TEXT NOT NULL,
    page_views     INTEGER NOT NULL,
    errors         INTEGER NOT NULL,
    network_errors INTEGER NOT NULL,
    events         INTEGER NOT NULL,
    attributes     TEXT NOT NULL -- {tag: [newest value, of FIRST_VALUE_TAGS the first, start of its span]}
);
CREATE INDEX sessions_by_finish ON sessions (finish);

-- One row for each measured value of a browser; t0 to t11 are the tags of RUM_TAGS in their order,
-- as ids of `pairs`, 0 where absent.
CREATE TABLE samples (
    metric INTEGER NOT NULL, -- place in METRICS
    start  INTEGER NOT NULL,
    seq    INTEGER NOT NULL, -- of its span
    bucket INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    t0  INTEGER NOT NULL, t1  INTEGER NOT NULL, t2  INTEGER NOT NULL, t3  INTEGER NOT NULL,
    t4  INTEGER NOT NULL, t5  INTEGER NOT NULL, t6  INTEGER NOT NULL, t7  INTEGER NOT NULL,
    t8  INTEGER NOT NULL, t9  INTEGER NOT NULL, t10 INTEGER NOT NULL, t11 INTEGER NOT NULL,
    PRIMARY KEY (metric, start, seq)
) WITHOUT ROWID;

-- The browser's event that a backend trace answered, by the agent's own link.
CREATE TABLE links (
    trace_id   BLOB NOT NULL,
    seq        INTEGER NOT NULL,
    session_id TEXT NOT NULL,
    PRIMARY KEY (trace_id, seq)
) WITHOUT ROWID;
CREATE INDEX links_by_seq ON links (seq);

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
