CREATE TABLE IF NOT EXISTS deployments (
    seq  INTEGER PRIMARY KEY,
    time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS deployments_by_time ON deployments (time);
CREATE TABLE IF NOT EXISTS late_batches (
    seq     INTEGER PRIMARY KEY,
    arrived INTEGER NOT NULL,
    oldest  INTEGER NOT NULL,
    newest  INTEGER NOT NULL,
    spans   INTEGER NOT NULL,
    logs    INTEGER NOT NULL
);
