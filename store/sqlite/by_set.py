"""Requests grouped by what they carry, and by time: breakdowns and time series.

Counts rows of the window, newest first and up to a bound, by tag set; what the sets
hold is looked at afterwards, once for each set and not for each request.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from store.model import Breakdown
from store.model import TagValue
from store.model import Window
from store.semantics import PROMOTED
from store.semantics import UNBOUNDED
from store.sqlite.asking import Question
from store.sqlite.gather import Tally
from store.sqlite.gather import Wanted
from store.sqlite.rollups import FINE_S
from store.sqlite.rollups import SECOND_NS
from store.sqlite.rollups import SERVICE
from store.sqlite.rollups import WIDTHS
from store.sqlite.tagsets import OPERATION
from store.sqlite.tagsets import environment_in
from store.sqlite.tagsets import read_sets
from store.sqlite.tagsets import values_in

SUMMED = (frozenset(PROMOTED) - UNBOUNDED) | {OPERATION}
"""Tags that are in tag sets."""
MAX_COUNTED = 50_000
"""The newest requests of a window that a breakdown counts."""
_EXACT = 30_000
"""Up to so many requests, a time series counts each; beyond, it adds up slots of 10 s."""
_TAGS_SAMPLE = 5_000

Columns = Sequence[tuple[int, int, int, int, int]]
"""(column, bucket, requests, errors, origin errors)"""


def ranked(tag: str, tallies: Mapping[str, Tally], limit: int, scanned: int, *, cut: bool) -> Breakdown:
    """Values by requests, most first, then by name."""
    order = sorted(
        (value for value, tally in tallies.items() if tally.requests > 0),
        key=lambda value: (-tallies[value].requests, value),
    )
    values = tuple(TagValue(value, tallies[value].measure()) for value in order[:limit])
    return Breakdown(tag, values, scanned, truncated=cut or len(order) > limit)


def by_tag(
    ask: Question,
    service: str | None,
    tags: Sequence[str],
    window: Window,
    where: Mapping[str, str],
    environment: str | None,
) -> tuple[dict[str, dict[str, Tally]], int, bool]:
    """Tag to value to tally; how many requests were counted; whether older ones were left out."""
    condition, values = _requests(service, window)
    rows = ask.all(
        "SELECT tagset, bucket, error, worst = 2 FROM requests "
        f"WHERE {condition} ORDER BY start DESC LIMIT ?",
        (*values, MAX_COUNTED),
    )
    taken = _taken(ask, {row[0] for row in rows}, where, environment)
    found: dict[str, dict[str, Tally]] = {tag: {} for tag in tags}
    targets = {
        tagset: [
            found[tag].setdefault(value, Tally()) for tag in tags for value in values_in(carried, tag) or [""]
        ]
        for tagset, carried in taken.items()
    }
    for (tagset, bucket, error, origin), n in Counter(rows).items():
        for tally in targets.get(tagset, ()):
            tally.add(bucket, n, error * n, origin * n)
    return found, len(rows), len(rows) >= MAX_COUNTED


def _taken(
    ask: Question, ids: Iterable[int], where: Mapping[str, str], environment: str | None
) -> dict[int, Mapping[str, str | list[str]]]:
    """Those of the sets that carry all of `where`, in this environment."""
    return {
        found: tags
        for found, tags in read_sets(ask, ids).items()
        if (environment is None or environment_in(tags) == environment)
        and all(value in (values_in(tags, tag) or [""]) for tag, value in where.items())
    }


def _requests(service: str | None, window: Window) -> tuple[str, list[object]]:
    condition = "start >= ? AND start < ?"
    values: list[object] = [window.from_unix_nano, window.to_unix_nano]
    if service is not None:
        condition += " AND service = ?"
        values.append(service)
    return condition, values


def carried_tags(ask: Question, window: Window) -> list[str]:
    """The tags of the window's newest requests, by name."""
    rows = ask.all(
        "SELECT DISTINCT tagset FROM "
        "(SELECT tagset FROM requests WHERE start >= ? AND start < ? ORDER BY start DESC LIMIT ?)",
        (window.from_unix_nano, window.to_unix_nano, _TAGS_SAMPLE),
    )
    sets = read_sets(ask, (tagset for (tagset,) in rows))
    return sorted({tag for tags in sets.values() for tag in tags} - {OPERATION})


def exact_columns(ask: Question, service: str | None, window: Window, width: int) -> Columns | None:
    """Row by row, or None if there are too many rows."""
    condition, values = _requests(service, window)
    row = ask.one(
        f"SELECT count(*) FROM (SELECT 1 FROM requests WHERE {condition} LIMIT ?)", (*values, _EXACT + 1)
    )
    if row is None or row[0] > _EXACT:
        return None
    return ask.all(
        "SELECT (start - ?) / ?, bucket, count(*), sum(error), sum(worst = 2) FROM requests "
        f"WHERE {condition} GROUP BY 1, 2",
        (window.from_unix_nano, width, *values),
    )


def columns_by_set(
    ask: Question,
    service: str | None,
    window: Window,
    width: int,
    where: Mapping[str, str],
    environment: str | None,
) -> Columns:
    """Row by row, of the requests that carry all of `where`; the newest of the window."""
    condition, values = _requests(service, window)
    rows = ask.all(
        f"SELECT tagset, (start - ?) / ?, bucket, error, worst = 2 FROM requests WHERE {condition} "
        "ORDER BY start DESC LIMIT ?",
        (window.from_unix_nano, width, *values, MAX_COUNTED),
    )
    taken = _taken(ask, {row[0] for row in rows}, where, environment)
    return [
        (column, bucket, 1, error, origin)
        for tagset, column, bucket, error, origin in rows
        if tagset in taken
    ]


def slot_columns(ask: Question, service: str | None, window: Window, width: int) -> Columns:
    """From slots well narrower than a column, each filed by its middle."""
    width_s = max((slot for slot in WIDTHS if 4 * slot * SECOND_NS <= width), default=FINE_S)
    slot_ns = width_s * SECOND_NS
    condition, values = Wanted(SERVICE, service).conditions()
    return ask.all(
        "SELECT (c.slot * ? + ? - ?) / ?, c.bucket, sum(c.n), sum(c.errors), sum(c.origins) FROM series s "
        "CROSS JOIN cells c ON c.series = s.id AND c.width = ? AND c.slot >= ? AND c.slot < ? "
        f"WHERE {condition} GROUP BY 1, 2",
        (
            slot_ns,
            slot_ns // 2,
            window.from_unix_nano,
            width,
            width_s,
            window.from_unix_nano // slot_ns,
            -(-window.to_unix_nano // slot_ns),
            *values,
        ),
    )
