-- Tables that came after files of this schema were first written: made in a new file, and in an
-- older one when a writer opens it. Readers must do without them until then.

-- Log records that are deployment events (signals/deployments.py), so that they are found without
-- reading the logs of a window.
CREATE TABLE IF NOT EXISTS deployments (
    seq  INTEGER PRIMARY KEY, -- of the log
    time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS deployments_by_time ON deployments (time);

-- When the file had a writer: a row for each, so that a hole in the data can be explained.
CREATE TABLE IF NOT EXISTS writer_runs (
    began INTEGER PRIMARY KEY, -- by the store's own clock, Unix ns
    ended INTEGER -- null while it runs, and if it was killed
);

-- Digests of the newest log batches: one that is sent again is kept once. A log has no id.
CREATE TABLE IF NOT EXISTS log_batches (
    id     INTEGER PRIMARY KEY,
    digest BLOB    NOT NULL, -- 16 bytes
    time   INTEGER NOT NULL  -- of arrival, by the store's clock
);

-- Batches that told of nothing but a time long before their arrival (docs/adr/020-senders-clock.md).
CREATE TABLE IF NOT EXISTS late_batches (
    seq     INTEGER PRIMARY KEY, -- of its last item
    arrived INTEGER NOT NULL,
    oldest  INTEGER NOT NULL,
    newest  INTEGER NOT NULL,
    spans   INTEGER NOT NULL,
    logs    INTEGER NOT NULL
);

-- Metrics: what points are of. Streams of one name that differ otherwise are metrics of their own.
CREATE TABLE IF NOT EXISTS metrics (
    id          INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL,
    unit        TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    temporality INTEGER NOT NULL,
    monotonic   INTEGER NOT NULL,
    description TEXT    NOT NULL, -- the newest
    folded      INTEGER NOT NULL, -- points that were refused as their series were too many
    UNIQUE (name, unit, kind, temporality, monotonic)
);

-- Serialized Resource messages of series, each kept once.
CREATE TABLE IF NOT EXISTS metric_resources (
    id   INTEGER PRIMARY KEY,
    body BLOB NOT NULL UNIQUE
);

CREATE TABLE IF NOT EXISTS metric_series (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: points name it
    metric     INTEGER NOT NULL,
    digest     BLOB    NOT NULL UNIQUE, -- store/metric_rows.py
    service    TEXT    NOT NULL,
    resource   INTEGER NOT NULL,
    scope      TEXT    NOT NULL,
    attributes TEXT    NOT NULL, -- of its points: {name: text}
    first      INTEGER NOT NULL, -- times of its points, those of `metric_recent` but the first left out
    last       INTEGER NOT NULL,
    arrived    INTEGER NOT NULL -- by the store's clock, when its last settled point came
);
CREATE INDEX IF NOT EXISTS metric_series_by_metric ON metric_series (metric, last);

-- The points of one commit as JSON, until they are settled: store/sqlite/metric_points.py.
CREATE TABLE IF NOT EXISTS metric_recent (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    arrived INTEGER NOT NULL,
    points  INTEGER NOT NULL,
    body    BLOB    NOT NULL
);

-- What a process exported in a while: the times, which all its series share, and in blocks the values of
-- each of its metrics (store/sqlite/metric_blocks.py).
CREATE TABLE IF NOT EXISTS metric_chunks (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    resource INTEGER NOT NULL,
    level    INTEGER NOT NULL, -- how often it was merged
    arrived  INTEGER NOT NULL, -- when its last point came
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
    value      REAL, -- null for NaN
    trace_id   BLOB,
    span_id    BLOB,
    attributes TEXT    NOT NULL
);
CREATE INDEX IF NOT EXISTS metric_exemplars_by_series ON metric_exemplars (series, time);
CREATE INDEX IF NOT EXISTS metric_exemplars_by_trace ON metric_exemplars (trace_id)
    WHERE trace_id IS NOT NULL;

-- Backend spans as they came: a row for each trace and request, with consecutive numbers, compressed
-- (store/sqlite/trace_parts.py). Rows of `spans` are those of browsers, and backend spans of before.
CREATE TABLE IF NOT EXISTS trace_parts (
    seq      INTEGER PRIMARY KEY, -- of its first span
    trace_id BLOB    NOT NULL,
    n        INTEGER NOT NULL,    -- how many spans
    checksum INTEGER NOT NULL,
    body     BLOB    NOT NULL
);
-- Where a trace is, and which spans are there: read without the bodies.
CREATE TABLE IF NOT EXISTS part_ids (
    trace_id BLOB    NOT NULL,
    seq      INTEGER NOT NULL, -- of `trace_parts`
    ids      BLOB    NOT NULL, -- 8 bytes for each span, in their order
    PRIMARY KEY (trace_id, seq)
) WITHOUT ROWID;

-- Stretches of the sequence, and the names of attributes that their rows have (spans, their events and
-- links, logs): whether nothing has a name is known without reading rows.
CREATE TABLE IF NOT EXISTS name_slots (
    seq   INTEGER PRIMARY KEY, -- the number before its first
    upto  INTEGER NOT NULL,    -- its last
    whole INTEGER NOT NULL     -- 0: rows came without names, or with too many: any name may occur
);
CREATE TABLE IF NOT EXISTS slot_names (
    slot INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (name, slot)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS slot_names_by_slot ON slot_names (slot);

-- What a commit hands over to the settler, until that has settled it: store/sqlite/write/handover.py.
CREATE TABLE IF NOT EXISTS handovers (
    id       INTEGER PRIMARY KEY AUTOINCREMENT, -- without a gap
    time     INTEGER NOT NULL, -- of the commit, by the store's clock
    spans    INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body     BLOB    NOT NULL
);

-- Logs in columns, each compressed (store/sqlite/log_parts.py): up to 250 in a row, in order of time. Beside it,
-- `log_text` is a full-text index of the texts of each part by trigrams, where SQLite has it.
-- AUTOINCREMENT: an id is never reused, as readers keep what they found in a part.
CREATE TABLE IF NOT EXISTS log_parts (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    first    INTEGER NOT NULL, -- lowest and highest number; numbers between may be another part's
    last     INTEGER NOT NULL,
    oldest   INTEGER NOT NULL, -- times of its first and last log
    newest   INTEGER NOT NULL,
    n        INTEGER NOT NULL, -- how many logs
    checksum INTEGER NOT NULL,
    columns  BLOB    NOT NULL,
    traces   BLOB    NOT NULL,
    spans    BLOB    NOT NULL,
    texts    BLOB    NOT NULL,
    raws     BLOB    NOT NULL
);
-- All that chooses parts, so that no row of the table is read for it.
CREATE INDEX IF NOT EXISTS log_parts_by_time ON log_parts (newest, oldest, first, last, n);
-- In which parts logs of a trace or a session are: store/sqlite/log_keys.py.
CREATE TABLE IF NOT EXISTS log_keys (
    key  INTEGER NOT NULL,
    part INTEGER NOT NULL,
    PRIMARY KEY (key, part)
) WITHOUT ROWID;
