CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE seats (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    code TEXT NOT NULL UNIQUE,
    position INTEGER NOT NULL,
    taken_at INTEGER
) WITHOUT ROWID;

-- An incident of one seat's own, and since when its lesson counts.
CREATE TABLE faults (seat TEXT PRIMARY KEY, incident TEXT, began_at INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE repairs (
    seat TEXT NOT NULL,
    incident TEXT NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (seat, incident, name)
) WITHOUT ROWID;

CREATE TABLE marks (
    seat TEXT NOT NULL,
    incident TEXT NOT NULL,
    step TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (seat, incident, step, kind)
) WITHOUT ROWID;

CREATE TABLE answers (
    id INTEGER PRIMARY KEY,
    seat TEXT NOT NULL,
    incident TEXT NOT NULL,
    at INTEGER NOT NULL,
    service TEXT NOT NULL,
    tag TEXT NOT NULL,
    kind TEXT NOT NULL,
    evidence TEXT NOT NULL,
    parts_right TEXT NOT NULL,
    complete INTEGER NOT NULL
);
CREATE INDEX answers_by_seat ON answers (seat, incident);

-- AUTOINCREMENT: a screen asks for what is newer than the last that it showed.
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    seat TEXT NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL
);

CREATE TABLE actions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    seats TEXT NOT NULL,
    detail TEXT NOT NULL
);
