"""The numbers by which the logs of a trace and of a session are found in `log_keys`.

48 bits of an id: another one with the same bits costs a look into a part, as readers compare whole ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

_BYTES: Final = 6


def trace_key(trace_id: bytes) -> int:
    """The key of a trace: of its last bytes, as the first ones may be a time."""
    return int.from_bytes(trace_id[-_BYTES:], "big")


def session_key(session: str) -> int:
    """The key of a session."""
    digest = hashlib.blake2b(session.encode("utf-8", "replace"), digest_size=_BYTES)
    return int.from_bytes(digest.digest(), "big")


def keys_of(traces: Iterable[bytes], sessions: Iterable[str]) -> set[int]:
    """The keys of all traces and sessions that are not empty."""
    found = {trace_key(trace_id) for trace_id in set(traces) if trace_id}
    found.update([session_key(session) for session in set(sessions) if session])
    return found
