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
