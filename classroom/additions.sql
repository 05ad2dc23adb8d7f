-- What came after the first version of the schema, for files that were made by it.

-- How often a seat was freed or left the roster: it outlives the seat, so that no link of before comes back
-- to life when a seat of the same name is enrolled again.
CREATE TABLE IF NOT EXISTS generations (seat TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;

-- Incidents that the class, or a seat of it, had: an exam draws another one.
CREATE TABLE IF NOT EXISTS had (incident TEXT PRIMARY KEY) WITHOUT ROWID
