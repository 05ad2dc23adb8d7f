"""What can go wrong while answering, each with its HTTP status and a remedy.

    Problem
    ├── Malformed       400: the request cannot be understood
    ├── Unauthorized    401: the desk is closed to whoever has not signed in; for programs
    ├── Forbidden       403: this reader may not have it
    ├── Unknown         404: what the address names is not in the store; code `pruned` if it was
    ├── Conflict        409: it would end something that runs, and was not told to
    ├── TooManyAttempts 429: something was tried too often; says how long to wait
    └── Unavailable     503: the store cannot answer now

`observer.app` turns a Problem into a page or, under /api, into JSON.
"""

from __future__ import annotations

from runtime.installation import COMMAND

STORE_REMEDY = f"See what `{COMMAND} status` says of the collector, then load the page again."
"""What to do when the store cannot be read; its own message says what is the matter with the file."""
_SHOWN = 80
"""Characters of a refused value that a message repeats."""


class Problem(Exception):
    """Something the observer cannot answer: a code for programs, a message and a remedy for the reader."""

    status = 500
    code = "internal"

    def __init__(
        self,
        message: str,
        remedy: str,
        code: str | None = None,
        logs_of: str | None = None,
        action: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.logs_of = logs_of
        """A trace without spans here, but with logs: the error page links to them."""
        self.action = action
        """Label and address of what the error page offers first."""
        if code:
            self.code = code


class Malformed(Problem):
    """The request cannot be understood."""

    status = 400
    code = "malformed"


class Unauthorized(Problem):
    """The desk is closed to a program that has not opened a session."""

    status = 401
    code = "unauthorized"


class Forbidden(Problem):
    """This reader may not have it."""

    status = 403
    code = "forbidden"


class Conflict(Problem):
    """It would end something that runs, and was not told to."""

    status = 409
    code = "conflict"


class TooManyAttempts(Problem):
    """Something was tried too often."""

    status = 429
    code = "too_many_attempts"

    def __init__(self, message: str, wait_s: int, action: tuple[str, str] | None = None) -> None:
        seconds = f"{wait_s} second{'' if wait_s == 1 else 's'}"
        super().__init__(message, f"Wait {seconds}, then try again.", action=action)
        self.wait_s = wait_s


class Unknown(Problem):
    """What the address names is not in the store."""

    status = 404
    code = "unknown"

    @classmethod
    def pruned(cls, subject: str, renewal: str) -> Unknown:
        """The error for what was in the store once; `renewal` says how to get another one."""
        return cls(
            f"{subject} was here and has been pruned: the store keeps what is newest.",
            f"{renewal}, or give the store more room (STORE_MAX_BYTES, STORE_MAX_AGE_S).",
            code="pruned",
        )


class Unavailable(Problem):
    """The store does not answer: missing, locked or of another version."""

    status = 503
    code = "unavailable"


def refuse(name: str, value: str, allowed: str) -> Malformed:
    """The error for a parameter whose value is not among what is allowed."""
    return Malformed(f"{name}={shortened(value)!r} cannot be understood.", f"Give {allowed}.")


def shortened(value: str) -> str:
    """A refused value as a message repeats it: at most 80 characters."""
    return value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
