"""What can go wrong while answering, each with its HTTP status and a remedy.

    Problem
    ├── Malformed   400: the request names something that cannot be asked for
    ├── Unknown     404: what was asked for is not here; says whether it was pruned
    └── Unavailable 503: the store cannot answer now

One adapter (`observer.app`) turns a Problem into a page or into JSON.
"""

from __future__ import annotations


class Problem(Exception):
    """Something the observer cannot answer; carries code, message and remedy for the reader."""

    status = 500
    code = "internal"

    def __init__(
        self, message: str, remedy: str, code: str | None = None, logs_of: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.logs_of = logs_of
        """A trace id of which there are logs, where they say more than the error can."""
        if code:
            self.code = code


class Malformed(Problem):
    """The request cannot be understood."""

    status = 400
    code = "malformed"


class Unknown(Problem):
    """What the address names is not in the store."""

    status = 404
    code = "unknown"


class Unavailable(Problem):
    """The store does not answer: missing, locked or of another version."""

    status = 503
    code = "unavailable"
