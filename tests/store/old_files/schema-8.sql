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
CREATE INDEX logs_by_time ON logs (time, severity, service, resource);
CREATE INDEX logs_by_trace ON logs (trace_id, time) WHERE trace_id IS NOT NULL;
CREATE INDEX logs_by_session ON logs (session_id, time) WHERE session_id IS NOT NULL;
CREATE TABLE log_cells (
    slot        INTEGER NOT NULL,
    service     TEXT NOT NULL,
    severity    INTEGER NOT NULL,
    environment TEXT NOT NULL,
    n           INTEGER NOT NULL,
    PRIMARY KEY (slot, service, severity, environment)
) WITHOUT ROWID;
CREATE TABLE tombstones (
    id   INTEGER PRIMARY KEY,
    name BLOB NOT NULL UNIQUE
);
CREATE TABLE arrivals (
    seq       INTEGER PRIMARY KEY,
    unix_nano INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS deployments (
    seq  INTEGER PRIMARY KEY,
    time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS deployments_by_time ON deployments (time);
CREATE TABLE IF NOT EXISTS writer_runs (
    began INTEGER PRIMARY KEY,
    ended INTEGER
);
CREATE TABLE IF NOT EXISTS log_batches (
    id     INTEGER PRIMARY KEY,
    digest BLOB    NOT NULL,
    time   INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS late_batches (
    seq     INTEGER PRIMARY KEY,
    arrived INTEGER NOT NULL,
    oldest  INTEGER NOT NULL,
    newest  INTEGER NOT NULL,
    spans   INTEGER NOT NULL,
    logs    INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS metrics (
    id          INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL,
    unit        TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    temporality INTEGER NOT NULL,
    monotonic   INTEGER NOT NULL,
    description TEXT    NOT NULL,
    folded      INTEGER NOT NULL,
    UNIQUE (name, unit, kind, temporality, monotonic)
);
CREATE TABLE IF NOT EXISTS metric_resources (
    id   INTEGER PRIMARY KEY,
    body BLOB NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS metric_series (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    metric     INTEGER NOT NULL,
    digest     BLOB    NOT NULL UNIQUE,
    service    TEXT    NOT NULL,
    resource   INTEGER NOT NULL,
    scope      TEXT    NOT NULL,
    attributes TEXT    NOT NULL,
    first      INTEGER NOT NULL,
    last       INTEGER NOT NULL,
    arrived    INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS metric_series_by_metric ON metric_series (metric, last);
CREATE TABLE IF NOT EXISTS metric_recent (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    arrived INTEGER NOT NULL,
    points  INTEGER NOT NULL,
    body    BLOB    NOT NULL
);
CREATE TABLE IF NOT EXISTS metric_chunks (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    resource INTEGER NOT NULL,
    level    INTEGER NOT NULL,
    arrived  INTEGER NOT NULL,
    points   INTEGER NOT NULL,
    body     BLOB    NOT NULL
);
CREATE INDEX IF NOT EXISTS metric_chunks_by_resource ON metric_chunks (level, resource);
CREATE TABLE IF NOT EXISTS metric_blocks (
    chunk  INTEGER NOT NULL,
    metric INTEGER NOT NULL,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    body   BLOB    NOT NULL
);
CREATE INDEX IF NOT EXISTS metric_blocks_by_metric ON metric_blocks (metric, last, first, chunk);
CREATE INDEX IF NOT EXISTS metric_blocks_by_chunk ON metric_blocks (chunk);
CREATE TABLE IF NOT EXISTS metric_exemplars (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    series     INTEGER NOT NULL,
    time       INTEGER NOT NULL,
    arrived    INTEGER NOT NULL,
    value      REAL,
    trace_id   BLOB,
    span_id    BLOB,
    attributes TEXT    NOT NULL
);
CREATE INDEX IF NOT EXISTS metric_exemplars_by_series ON metric_exemplars (series, time);
CREATE INDEX IF NOT EXISTS metric_exemplars_by_trace ON metric_exemplars (trace_id)
    WHERE trace_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS trace_parts (
    seq      INTEGER PRIMARY KEY,
    trace_id BLOB    NOT NULL,
    n        INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body     BLOB    NOT NULL
);
CREATE TABLE IF NOT EXISTS part_ids (
    trace_id BLOB    NOT NULL,
    seq      INTEGER NOT NULL,
    ids      BLOB    NOT NULL,
    PRIMARY KEY (trace_id, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS name_slots (
    seq   INTEGER PRIMARY KEY,
    upto  INTEGER NOT NULL,
    whole INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS slot_names (
    slot INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (name, slot)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS slot_names_by_slot ON slot_names (slot);
CREATE TABLE IF NOT EXISTS handovers (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    time     INTEGER NOT NULL,
    spans    INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body     BLOB    NOT NULL
);
