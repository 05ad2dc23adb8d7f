"""The names of the files that a running lab keeps in its folder. Standard library only."""

from __future__ import annotations

LOCK = "lock"
RUN = "run.json"
STATUS = "status.json"
FLAGS = "flags.json"
GENERATIONS = "seat-generations.json"
SEAT_SECRET = "seat-secret"  # noqa: S105 - the name of a file
TOKEN = "token"  # noqa: S105 - the name of a file
FLAGS_TOKEN = "flags-token"  # noqa: S105 - the name of a file
LOGS = "logs"
DATA = "data"
# In the data folder, which `up --data` may place elsewhere.
STORE = "store.sqlite3"
CARTS = "carts.sqlite3"
CLASS = "class.sqlite3"
ALERTS = "alerts.db"
