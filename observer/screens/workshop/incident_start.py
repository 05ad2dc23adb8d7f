"""Since when the running incident runs: orders from before say nothing about it.

The lab replaces the flag file when an incident begins, so the file's age is the incident's.
"""

from __future__ import annotations

from pathlib import Path

from observer.settings import Settings

UNKNOWN_COUNTS_BACK_NS = 24 * 3600 * 10**9
"""How far back orders count where no file says when the incident began: a class is shorter."""


def began_unix_nano(settings: Settings, now_unix_nano: int) -> int:
    """When the running incident began, in nanoseconds since the Unix epoch; a day ago where unknown.

    Never later than now, whatever the file's clock says.
    """
    if settings.flags_file:
        try:
            return min(Path(settings.flags_file).stat().st_mtime_ns, now_unix_nano)
        except OSError:
            pass
    return now_unix_nano - UNKNOWN_COUNTS_BACK_NS
