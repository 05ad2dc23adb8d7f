"""The settings that every process which listens for HTTP has: how many connections, how long each may take.

The defaults fit a class of 200 behind one address: ten connections for each browser. There is no limit per
address, for a class shares one.
"""

from __future__ import annotations

from runtime.settings import setting, whole_number

MOST_CONNECTIONS = 2_000
HEADER_S = 10
BODY_S = 20
IDLE_S = 60
_CONNECTIONS = whole_number(16, 100_000)
_SECONDS = whole_number(1, 3_600)


def most_connections_setting() -> int:
    """The field `most_connections`."""
    return setting(
        MOST_CONNECTIONS,
        "LISTEN_MAX_CONNECTIONS",
        "HTTP connections open at once; above it idle and slow ones are closed for new ones.",
        _CONNECTIONS,
    )


def header_s_setting() -> int:
    """The field `header_s`."""
    return setting(
        HEADER_S, "LISTEN_HEADER_S", "Seconds in which the header of an HTTP request must arrive.", _SECONDS
    )


def body_s_setting() -> int:
    """The field `body_s`."""
    return setting(
        BODY_S,
        "LISTEN_BODY_S",
        "Seconds in which the body of an HTTP request must arrive, and one more for each 64 KiB of it.",
        _SECONDS,
    )


def idle_s_setting() -> int:
    """The field `idle_s`."""
    return setting(
        IDLE_S, "LISTEN_IDLE_S", "Seconds after which a silent HTTP connection is closed.", _SECONDS
    )
