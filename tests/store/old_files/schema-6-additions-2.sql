CREATE TABLE IF NOT EXISTS deployments (
    seq  INTEGER PRIMARY KEY,
    time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS deployments_by_time ON deployments (time);
CREATE TABLE IF NOT EXISTS log_batches (
    digest BLOB PRIMARY KEY,
    time   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS log_batches_by_time ON log_batches (time);
