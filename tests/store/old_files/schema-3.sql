CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE origins (
    id       INTEGER PRIMARY KEY,
    body     BLOB NOT NULL UNIQUE,
    last_seq INTEGER NOT NULL
);
CREATE TABLE spans (
    seq            INTEGER PRIMARY KEY,
    trace_id       BLOB NOT NULL,
    span_id        BLOB NOT NULL,
    parent_span_id BLOB,
    service        TEXT NOT NULL,
    name           TEXT NOT NULL,
    kind           INTEGER NOT NULL,
    start          INTEGER NOT NULL,
    duration       INTEGER NOT NULL,
    flags          INTEGER NOT NULL,
    peer           TEXT NOT NULL,
    session_id     TEXT,
    resource       INTEGER NOT NULL,
    scope          INTEGER NOT NULL,
    raw            BLOB NOT NULL
);
CREATE UNIQUE INDEX spans_by_id ON spans (trace_id, span_id);
CREATE INDEX spans_by_session ON spans (session_id, start) WHERE session_id IS NOT NULL;
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
CREATE INDEX logs_by_time ON logs (time, severity, service);
CREATE INDEX logs_by_trace ON logs (trace_id, time) WHERE trace_id IS NOT NULL;
CREATE INDEX logs_by_session ON logs (session_id, time) WHERE session_id IS NOT NULL;
CREATE TABLE log_cells (
    slot     INTEGER NOT NULL,
    service  TEXT NOT NULL,
    severity INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (slot, service, severity)
) WITHOUT ROWID;
CREATE TABLE traces (
    id         INTEGER PRIMARY KEY,
    trace_id   BLOB NOT NULL UNIQUE,
    start      INTEGER NOT NULL,
    duration   INTEGER NOT NULL,
    service    TEXT NOT NULL,
    operation  TEXT NOT NULL,
    spans      INTEGER NOT NULL,
    errors     INTEGER NOT NULL,
    origins    INTEGER NOT NULL,
    complete   INTEGER NOT NULL,
    session_id TEXT,
    services   TEXT NOT NULL,
    tags       TEXT NOT NULL,
    calls      TEXT NOT NULL
);
CREATE INDEX traces_by_start ON traces (start, duration);
CREATE INDEX traces_by_tail ON traces (substr(trace_id, 9));
CREATE TABLE tagsets (
    id   INTEGER PRIMARY KEY,
    key  BLOB NOT NULL UNIQUE,
    body TEXT NOT NULL
);
CREATE TABLE requests (
    id        INTEGER PRIMARY KEY,
    trace     INTEGER NOT NULL,
    service   TEXT NOT NULL,
    start     INTEGER NOT NULL,
    bucket    INTEGER NOT NULL,
    error     INTEGER NOT NULL,
    worst     INTEGER NOT NULL,
    tagset    INTEGER NOT NULL,
    unbounded TEXT
);
CREATE INDEX requests_by_trace ON requests (trace, tagset);
CREATE INDEX requests_by_tagset ON requests (tagset, trace);
CREATE INDEX requests_by_start ON requests (start, bucket, error, worst, tagset);
CREATE INDEX requests_by_service ON requests (service, start, bucket, error, worst, tagset);
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
CREATE TABLE series (
    id          INTEGER PRIMARY KEY,
    kind        INTEGER NOT NULL,
    environment TEXT NOT NULL,
    subject     TEXT NOT NULL,
    item        TEXT NOT NULL,
    value       TEXT NOT NULL,
    UNIQUE (kind, subject, item, value, environment)
);
CREATE TABLE cells (
    series INTEGER NOT NULL,
    width  INTEGER NOT NULL,
    slot   INTEGER NOT NULL,
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
    attributes     TEXT NOT NULL
);
CREATE INDEX sessions_by_finish ON sessions (finish);
CREATE TABLE samples (
    metric INTEGER NOT NULL,
    start  INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    t0  INTEGER NOT NULL, t1  INTEGER NOT NULL, t2  INTEGER NOT NULL, t3  INTEGER NOT NULL,
    t4  INTEGER NOT NULL, t5  INTEGER NOT NULL, t6  INTEGER NOT NULL, t7  INTEGER NOT NULL,
    t8  INTEGER NOT NULL, t9  INTEGER NOT NULL, t10 INTEGER NOT NULL, t11 INTEGER NOT NULL,
    PRIMARY KEY (metric, start, seq)
) WITHOUT ROWID;
CREATE TABLE links (
    trace_id   BLOB NOT NULL,
    seq        INTEGER NOT NULL,
    session_id TEXT NOT NULL,
    PRIMARY KEY (trace_id, seq)
) WITHOUT ROWID;
CREATE INDEX links_by_seq ON links (seq);
CREATE TABLE tombstones (
    id   INTEGER PRIMARY KEY,
    name BLOB NOT NULL UNIQUE
);
CREATE TABLE arrivals (
    seq       INTEGER PRIMARY KEY,
    unix_nano INTEGER NOT NULL
);
