CREATE TABLE IF NOT EXISTS deployments (
    seq  INTEGER PRIMARY KEY,
    time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS deployments_by_time ON deployments (time);
