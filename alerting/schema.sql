CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- The newest usable text of each rule. It is `gone` once its file was deleted and until its last alert is forgotten.
CREATE TABLE IF NOT EXISTS rules (
    name TEXT PRIMARY KEY,
    file TEXT NOT NULL,
    text TEXT,
    problem TEXT NOT NULL,
    left_out INTEGER NOT NULL,
    gone INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS groups (
    detector TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    value REAL,
    threshold REAL,
    evaluated INTEGER NOT NULL,
    reason TEXT NOT NULL,
    alert_id TEXT NOT NULL,
    memory TEXT NOT NULL,
    PRIMARY KEY (detector, key)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS alerts (
    alert_id TEXT PRIMARY KEY,
    detector TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    started INTEGER NOT NULL,
    fired INTEGER,
    ended INTEGER,
    no_data_since INTEGER,
    joined_to TEXT,
    notified INTEGER NOT NULL,
    document TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS alerts_by_state ON alerts (state, started);

CREATE INDEX IF NOT EXISTS alerts_by_group ON alerts (detector, key, ended);

CREATE TABLE IF NOT EXISTS acknowledgements (
    alert_id TEXT PRIMARY KEY,
    by TEXT NOT NULL,
    at INTEGER NOT NULL,
    note TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY,
    alert_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    what TEXT NOT NULL,
    value REAL,
    note TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS history_of_alert ON history (alert_id, id);

CREATE TABLE IF NOT EXISTS silences (
    id INTEGER PRIMARY KEY,
    detector TEXT NOT NULL,
    labels TEXT NOT NULL,
    until INTEGER NOT NULL,
    by TEXT NOT NULL,
    note TEXT NOT NULL,
    created INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS gaps (started INTEGER PRIMARY KEY, ended INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, text TEXT NOT NULL);

-- What is still to be sent, in order, for each way out.
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY,
    way TEXT NOT NULL,
    alert_id TEXT NOT NULL,
    what TEXT NOT NULL,
    at INTEGER NOT NULL,
    document TEXT NOT NULL
)
