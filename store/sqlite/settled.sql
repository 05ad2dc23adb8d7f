-- What is derived from spans, in a file of its own beside the store (`.settled`): computed after the commit, and
-- again when more arrives. Written by the settler alone; it may be deleted at any time, and is computed anew
-- then. `user_version` holds SETTLED_VERSION of store/sqlite/settled_file.py: raise it with any change here.

-- How far settling has come, and of which store it is: store/sqlite/write/settled_marks.py.
CREATE TABLE marks (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

-- Why senders of spans have to wait; a row while they have to.
CREATE TABLE pace (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    lag TEXT NOT NULL
);

-- Sessions whose clocks backend traces prove to be slow: the writer moves their spans.
CREATE TABLE slow_clocks (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    shift      INTEGER NOT NULL, -- to be added to the times that are stored
    whole      INTEGER NOT NULL, -- what was added in all then
    counted    INTEGER NOT NULL  -- the handover up to which sessions were counted
);

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
    calls      BLOB NOT NULL  -- its part of the map's edges (packed_calls.py)
);
CREATE INDEX traces_by_start ON traces (start, duration);
-- By the last 16 digits first, so that one index finds whole ids and short ones.
CREATE INDEX traces_by_id ON traces (substr(trace_id, 9), trace_id);

-- Service, operation and tags of requests, each combination kept once (store/sqlite/tag_sets.py).
-- AUTOINCREMENT: an id is never reused, as readers cache what it stands for.
CREATE TABLE tagsets (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    key  BLOB NOT NULL UNIQUE, -- of its operation, then of body: store/sqlite/tag_set_keys.py
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

-- A number that changes with every change of the requests of the traces that begin in a slot of 60 s
-- (REQUEST_SLOT_NS): readers keep the requests of a slot until then. Never the same again.
CREATE TABLE request_slots (
    slot    INTEGER PRIMARY KEY, -- start of the trace divided by REQUEST_SLOT_NS
    version INTEGER NOT NULL
);

-- Tag and value, each pair kept once; which traces and sessions carry it. For traces, only unbounded
-- tags and our own (tag_sets.py): `:service`, `:error` and `:origin` (of a service, or any), `:person`
-- and `:persons`.
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

-- Rollups. A series is what is counted; a cell is one slot of it.
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
    n      INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    origins INTEGER NOT NULL,
    latencies BLOB NOT NULL, -- a histogram: store/sqlite/packed_cells.py
    PRIMARY KEY (series, width, slot)
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
CREATE INDEX sessions_by_start ON sessions (start);

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
-- By enduser.id: what one seat met is counted without reading the samples of all. With the kind of synthetic
-- traffic and the environment: SQLite would not use it if it had to look at the rows for these.
CREATE INDEX samples_by_person ON samples (t8, metric, start, bucket, failed, t9, t1);

-- A number that changes with every change of the samples of a metric that start in a slot of 60 s
-- (SAMPLE_SLOT_NS): readers keep what they read of a slot until then. Never the same again.
CREATE TABLE sample_slots (
    metric  INTEGER NOT NULL,
    slot    INTEGER NOT NULL, -- start divided by SAMPLE_SLOT_NS
    version INTEGER NOT NULL,
    PRIMARY KEY (metric, slot)
) WITHOUT ROWID;

-- The browser's event that a backend trace answered, by the agent's own link.
CREATE TABLE links (
    trace_id   BLOB NOT NULL,
    seq        INTEGER NOT NULL,
    session_id TEXT NOT NULL,
    PRIMARY KEY (trace_id, seq)
) WITHOUT ROWID;
CREATE INDEX links_by_seq ON links (seq);

-- How the ids of spans begin, by block of SPAN_ID_BLOCK numbers of the store's sequence, once it is full: a
-- span is found by its id without reading all ids (store/sqlite/read/span_id_search.py).
CREATE TABLE span_id_blocks (
    head  INTEGER NOT NULL, -- the first byte
    block INTEGER NOT NULL, -- (number of the span, or of the first of its part, less 1) divided by SPAN_ID_BLOCK
    ids   BLOB    NOT NULL, -- the next SPAN_ID_BYTES of each, in order
    PRIMARY KEY (head, block)
) WITHOUT ROWID;
