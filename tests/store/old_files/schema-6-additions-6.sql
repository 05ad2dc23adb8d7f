CREATE TABLE IF NOT EXISTS deployments (
    seq  INTEGER PRIMARY KEY,
    time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS deployments_by_time ON deployments (time);
CREATE TABLE IF NOT EXISTS writer_runs (
    began INTEGER PRIMARY KEY,
    ended INTEGER
);
