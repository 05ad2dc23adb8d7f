-- Tables that came after files of this schema were first written: made in a new file, and in an
-- older one when a writer opens it. Readers must do without them until then.

-- Log records that are deployment events (signals/deployments.py), so that they are found without
-- reading the logs of a window.
CREATE TABLE IF NOT EXISTS deployments (
    seq  INTEGER PRIMARY KEY, -- of the log
    time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS deployments_by_time ON deployments (time);

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
