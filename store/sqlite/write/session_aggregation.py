"""Browser spans into sessions, measured samples and links: each span once, in order of arrival.

Must run inside the writer's transaction, which also moves the mark that says how
far this has come: that is what makes it exactly once.
"""

# ruff: noqa: S608 - what is put into SQL text are column names of our own

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, get_args

import orjson

from signals.semantics import PROMOTED, RUM_TAGS, RumSample, rum_samples, tags_of
from store.api import RumMetric
from store.decode import resource_attributes, sampled_detail, span_detail
from store.histogram import bucket_of
from store.rows import SpanRow
from store.sqlite.rollups import SYNTHETIC_TAG, Rollups
from store.sqlite.write.interning import Pairs

_UPSERT: Final = (
    "INSERT INTO sessions (session_id, start, finish, last_start, app, environment, page_views, "
    "errors, network_errors, events, attributes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (session_id) DO UPDATE SET start = min(start, excluded.start), "
    "finish = max(finish, excluded.finish), last_start = max(last_start, excluded.last_start), "
    "app = excluded.app, environment = excluded.environment, "
    "page_views = page_views + excluded.page_views, errors = errors + excluded.errors, "
    "network_errors = network_errors + excluded.network_errors, events = events + excluded.events, "
    "attributes = excluded.attributes RETURNING id"
)
_MAX_KNOWN: Final = 5_000
_MAX_PAIRS: Final = 200
"""Sessions, and pairs of one, that are remembered."""
METRICS: Final[tuple[RumMetric, ...]] = get_args(RumMetric)
TAG_COLUMNS: Final = {tag: f"t{place}" for place, tag in enumerate(RUM_TAGS)}
_PRIVATE: Final = frozenset(
    {
        "link.traceId",
        "link.spanId",
        "operation",
        "page",
        "http.status_code",
        "http.method",
        "http.request.method",
    }
    | {"http.response.status_code"}
)
INDEXED: Final = frozenset({*PROMOTED, *RUM_TAGS}) - _PRIVATE
"""Attributes that a session is found by without a scan: those that say something of all of it."""
_NUMBER_OF = {metric: number for number, metric in enumerate(METRICS)}
_INSERT_SAMPLE = (
    "INSERT OR IGNORE INTO samples (metric, start, seq, bucket, failed, "
    + ", ".join(TAG_COLUMNS.values())
    + ") VALUES (?, ?, ?, ?, ?"
    + ", ?" * len(TAG_COLUMNS)
    + ")"
)
_READ = (
    "SELECT s.seq, s.session_id, s.name, s.start, s.duration, s.raw, o.body FROM spans s "
    "LEFT JOIN origins o ON o.id = s.resource "
    "WHERE s.seq > ? AND s.seq <= ? AND s.flags & 4 ORDER BY s.seq"
)


def metric_number(metric: str) -> int:
    """The number that stands for a RUM metric in the table."""
    return _NUMBER_OF[metric]  # type: ignore[index]  # callers check


@dataclass(slots=True)
class _Session:
    """What a round adds to one session."""

    start: int
    finish: int
    last_start: int
    counts: dict[str, int] = field(default_factory=dict)
    events: int = 0
    tags: dict[str, tuple[str, int]] = field(default_factory=dict)
    pairs: set[tuple[str, str]] = field(default_factory=set)

    def see(self, tags: Mapping[str, str], start: int) -> None:
        self.pairs.update(tags.items())
        for tag, value in tags.items():
            if tag not in self.tags or self.tags[tag][1] <= start:
                self.tags[tag] = (value, start)


@dataclass(slots=True)
class _Known:
    """A session as it is stored."""

    number: int
    tags: dict[str, tuple[str, int]]
    pairs: set[tuple[str, str]] = field(default_factory=set)
    """Those that are surely there."""


class _Event(NamedTuple):
    """A browser's span, as far as it matters here."""

    seq: int
    session_id: str
    start: int
    duration: int
    tags: Mapping[str, str]
    samples: Sequence[RumSample]


class Sessions:
    """Takes browser spans into account."""

    def __init__(self, connection: sqlite3.Connection, pairs: Pairs, rollups: Rollups) -> None:
        self._connection = connection
        self._rollups = rollups
        self._pairs = pairs
        self._known: dict[str, _Known] = {}

    def settle(self, events: Iterable[_Event]) -> None:
        """Count browser spans, in order of arrival."""
        sessions: dict[str, _Session] = {}
        samples: list[tuple[int, ...]] = []
        links: list[tuple[bytes, int, str]] = []
        for seq, session_id, start, duration, tags, found in events:
            if found:
                tag_ids = [self._id(tag, tags) for tag in RUM_TAGS]
                environment, synthetic = tags.get("environment", ""), tags.get(SYNTHETIC_TAG, "")
                for metric, value_ns, failed in found:
                    number = _NUMBER_OF[metric]  # type: ignore[index]  # semantics names no others
                    bucket = bucket_of(value_ns)
                    samples.append((number, start, seq, bucket, failed, *tag_ids))
                    self._rollups.sample(environment, synthetic, metric, start, bucket, failed)
            if not session_id:
                continue
            trace = _trace_bytes(tags.get("link.traceId", ""))
            if trace:
                links.append((trace, seq, session_id))
            session = sessions.get(session_id)
            if session is None:
                session = sessions[session_id] = _Session(start, start + duration, start)
            session.start = min(session.start, start)
            session.finish = max(session.finish, start + duration)
            session.last_start = max(session.last_start, start)
            session.events += 1
            for sample in found:
                session.counts[sample.metric] = session.counts.get(sample.metric, 0) + 1
            session.see({tag: value for tag, value in tags.items() if tag not in _PRIVATE}, start)
        samples.sort()
        self._connection.executemany(_INSERT_SAMPLE, samples)
        self._connection.executemany(
            "INSERT OR IGNORE INTO links (trace_id, seq, session_id) VALUES (?, ?, ?)", links
        )
        for session_id, session in sessions.items():
            self._add(session_id, session)

    def stored(self, after_seq: int, upto_seq: int) -> Iterator[_Event]:
        """The browser spans of this stretch of the sequence, from the table."""
        rows = self._connection.execute(_READ, (after_seq, upto_seq)).fetchall()
        for seq, session_id, name, start, duration, raw, resource_body in rows:
            tags = tags_of(
                name, span_detail(raw).attributes, resource_attributes(resource_body or b""), browser=True
            )
            yield _Event(seq, session_id or "", start, duration, tags, _samples_of(name, duration, raw))

    def forget(self) -> None:
        """Trust nothing remembered: the transaction that wrote it is gone."""
        self._known.clear()

    def drop(self, session_id: str) -> None:
        """The session was pruned."""
        self._known.pop(session_id, None)

    def _id(self, tag: str, tags: Mapping[str, str]) -> int:
        value = tags.get(tag)
        return self._pairs.id_of((tag, value)) if value else 0

    def _add(self, session_id: str, new: _Session) -> None:
        known = self._known.get(session_id) or self._stored_session(session_id)
        tags = known.tags if known else {}
        for tag, (value, start) in new.tags.items():
            if tag not in tags or tags[tag][1] <= start:
                tags[tag] = (value, start)
        row = self._connection.execute(
            _UPSERT,
            (
                session_id,
                new.start,
                new.finish,
                new.last_start,
                tags.get("app", ("",))[0],
                tags.get("environment", ("",))[0],
                new.counts.get("page_views", 0),
                new.counts.get("js_errors", 0),
                new.counts.get("network_errors", 0),
                new.events,
                orjson.dumps(tags).decode(),
            ),
        ).fetchone()
        if known is None:
            known = _Known(row[0], tags)
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[session_id] = known
        fresh = new.pairs - known.pairs
        if fresh:
            self._connection.executemany(
                "INSERT OR IGNORE INTO session_pairs (pair, session) VALUES (?, ?)",
                [(self._pairs.id_of(pair), known.number) for pair in fresh],
            )
            if len(known.pairs) < _MAX_PAIRS:
                known.pairs |= fresh

    def _stored_session(self, session_id: str) -> _Known | None:
        row = self._connection.execute(
            "SELECT id, attributes FROM sessions WHERE session_id = ?", (session_id,)
        ).fetchone()
        return _Known(row[0], orjson.loads(row[1])) if row else None


def arrived(spans: Iterable[tuple[int, SpanRow]]) -> Iterator[_Event]:
    """Browser spans that are still in memory, each with its number."""
    for seq, span in spans:
        samples = _samples_of(span.name, span.duration_ns, span.raw)
        yield _Event(seq, span.session_id, span.start_unix_nano, span.duration_ns, span.tags, samples)


def _samples_of(name: str, duration_ns: int, raw: bytes) -> Sequence[RumSample]:
    attributes, events = sampled_detail(raw)
    return rum_samples(name, attributes, duration_ns, events)


def _trace_bytes(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return b""
    return found.rjust(16, b"\0") if 0 < len(found) <= 16 else b""
