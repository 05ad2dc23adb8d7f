CREATE TABLE IF NOT EXISTS deployments (
    seq  INTEGER PRIMARY KEY,
    time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS deployments_by_time ON deployments (time);
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
