"""Aggregates browser spans into sessions, samples and links: each span once, in order of arrival.

Must run inside the settler's transaction, which also raises the mark `counted`:
that is what makes it exactly once.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and numbers of our own

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson
from cachetools import LRUCache

from signals.browser_events import RUM_TAGS, ErrorReport, RumSample, error_report, rum_samples
from signals.semantics import tags_of
from store.decode import resource_attributes, sampled_detail, span_detail
from store.histogram import bucket_of
from store.rows import SpanRow
from store.sender_clocks import BEHIND_NS
from store.sqlite.table_layout import (
    BROWSER_FLAG,
    CLOCK_SHIFT,
    FIRST_VALUE_TAGS,
    HAPPENED_TAGS,
    METRICS,
    SESSION_TAGS,
    SYNTHETIC_TAG,
    TAG_COLUMNS,
    metric_number,
)
from store.sqlite.write.handover import Moved
from store.sqlite.write.interning import PairIds
from store.sqlite.write.repeated_errors import SessionError, repeated_errors
from store.sqlite.write.rollups import Rollups
from store.sqlite.write.slot_versions import SlotVersions

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
_CACHED: Final = 5_000
_CACHED_PAIRS: Final = 200
"""Sessions, and pairs of one, that are remembered."""
_CACHED_LINKS: Final = 500
"""Links to traces that have not been aggregated yet, which the next round asks for again."""
_INSERT_SAMPLE = (
    "INSERT OR IGNORE INTO samples (metric, start, seq, bucket, failed, "
    + ", ".join(TAG_COLUMNS.values())
    + ") VALUES (?, ?, ?, ?, ?"
    + ", ?" * len(TAG_COLUMNS)
    + ")"
)
_TRACE_START = "SELECT start FROM traces WHERE substr(trace_id, 9) = substr(?, 9) AND trace_id = ?"
_MOVE_SAMPLE = (
    "UPDATE samples SET start = ? WHERE metric = ? AND start = ? AND seq = ? "
    f"RETURNING bucket, failed, {TAG_COLUMNS['environment']}, {TAG_COLUMNS[SYNTHETIC_TAG]}"
)
_READ = (
    "SELECT s.seq, s.session_id, s.name, s.start, s.duration, s.raw, o.body FROM spans s "
    "LEFT JOIN origins o ON o.id = s.resource "
    f"WHERE s.seq > ? AND s.seq <= ? AND s.flags & {BROWSER_FLAG} ORDER BY s.seq"
)

_Tags = dict[str, tuple[Any, int]]
"""Tag to (value that the session keeps, start of the span that carried it). `CLOCK_SHIFT` has a number."""


def _keep(tags: _Tags, tag: str, value: str | int, start: int) -> None:
    """Keep the newest value of a tag, of FIRST_VALUE_TAGS the first: of equal times what came first."""
    known = tags.get(tag)
    if known is None or (start < known[1] if tag in FIRST_VALUE_TAGS else start >= known[1]):
        tags[tag] = (value, start)


@dataclass(slots=True)
class _Addition:
    """What a round adds to one session."""

    start: int
    finish: int
    last_start: int
    counts: dict[str, int] = field(default_factory=dict)
    events: int = 0
    tags: _Tags = field(default_factory=dict)
    pairs: set[tuple[str, str]] = field(default_factory=set)

    def add_tags(self, tags: Mapping[str, str], start: int) -> None:
        self.pairs.update(pair for pair in tags.items() if pair[0] not in FIRST_VALUE_TAGS)
        for tag, value in tags.items():
            _keep(self.tags, tag, value, start)


@dataclass(slots=True)
class _StoredSession:
    """What is known of a row of `sessions`."""

    id: int
    tags: _Tags
    pairs: set[tuple[str, str]] = field(default_factory=set)
    """Pairs that are certainly stored; others may be."""


class Event(NamedTuple):
    """The parts of a browser span that are aggregated."""

    seq: int
    session_id: str
    start: int
    duration: int
    tags: Mapping[str, str]
    samples: Sequence[RumSample]
    shift: int
    """What was added to its start, as the browser's clock was wrong."""
    report: ErrorReport | None
    """What an error event says; None of any other event."""


class SessionAggregation:
    """Adds browser spans to their sessions, and their samples to the rollups."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        main: sqlite3.Connection,
        pairs: PairIds,
        rollups: Rollups,
        versions: SlotVersions,
    ) -> None:
        """Read spans from `main`; all else is of `connection`."""
        self._connection = connection
        self._versions = versions
        self._main = main
        self._rollups = rollups
        self._pairs = pairs
        self._known: LRUCache[str, _StoredSession] = LRUCache(_CACHED)
        self._linked: LRUCache[bytes, tuple[str, int, int, int]] = LRUCache(_CACHED_LINKS)
        """Backend traces not looked at yet, to (session, start, end, shift) of the event they answered."""
        self._proven: LRUCache[str, bool] = LRUCache(_CACHED)
        """Sessions that were moved to a trace: others do not move them again."""

    def aggregate(self, events: Iterable[Event], *, live: bool = True) -> None:
        """Count browser spans, in order of arrival; those that are not `live` prove no clock slow again."""
        sessions: dict[str, _Addition] = {}
        samples: list[tuple[int, ...]] = []
        links: list[tuple[bytes, int, str]] = []
        events = list(events)
        errors = [SessionError(e.seq, e.session_id, e.report) for e in events if e.report]
        repeated = repeated_errors(self._main, errors)
        for seq, session_id, start, duration, tags, found, shift, _ in events:
            if seq in repeated:
                found = ()
            if found:
                tag_ids = [self._id(tag, tags) for tag in RUM_TAGS]
                environment, synthetic = tags.get("environment", ""), tags.get(SYNTHETIC_TAG, "")
                for metric, value_ns, failed in found:
                    bucket = bucket_of(value_ns)
                    samples.append((metric_number(metric), start, seq, bucket, failed, *tag_ids))
                    self._rollups.sample(environment, synthetic, metric, start, bucket, failed)
            if not session_id:
                continue
            trace = _trace_bytes(tags.get("link.traceId", ""))
            if trace:
                links.append((trace, seq, session_id))
                if live and shift >= 0 and session_id not in self._proven:
                    self._linked[trace] = session_id, start, start + duration, shift
            session = sessions.get(session_id)
            if session is None:
                session = sessions[session_id] = _Addition(start, start + duration, start)
            session.start = min(session.start, start)
            session.finish = max(session.finish, start + duration)
            session.last_start = max(session.last_start, start)
            session.events += 1
            for sample in found:
                session.counts[sample.metric] = session.counts.get(sample.metric, 0) + 1
            session.add_tags({tag: value for tag, value in tags.items() if tag in SESSION_TAGS}, start)
            session.pairs.update(pair for pair in tags.items() if pair[0] in HAPPENED_TAGS)
            if shift:
                _keep(session.tags, CLOCK_SHIFT, shift, start)
        samples.sort()
        self._connection.executemany(_INSERT_SAMPLE, samples)
        self._connection.executemany(
            "INSERT OR IGNORE INTO links (trace_id, seq, session_id) VALUES (?, ?, ?)", links
        )
        self._versions.change_linked([trace for trace, _, _ in links])
        for session_id, session in sessions.items():
            self._add(session_id, session)

    def _slow_clocks(self) -> Mapping[str, tuple[int, int]]:
        """The sessions that backend traces prove to be slow: each trace is asked once.

        What is to be added to the times that are stored, and what was added in all.

        A browser's event lasts while its backend works, which cannot begin minutes after its end.
        A trace that began before proves nothing: a document of the browser's cache names an old one.
        """
        found: dict[str, tuple[int, int]] = {}
        for trace, (session_id, start, end, shift) in list(self._linked.items()):
            row = self._connection.execute(_TRACE_START, (trace, trace)).fetchone()
            if row is None:
                continue
            del self._linked[trace]
            if row[0] - (end - shift) > BEHIND_NS and session_id not in self._proven:
                self._proven[session_id] = True
                found[session_id] = row[0] - start, row[0] - start + shift
        return found

    def note_slow_clocks(self, counted: int) -> None:
        """Note for the writer the sessions that traces prove to be slow; `counted` says as of when."""
        self._connection.executemany(
            "INSERT INTO slow_clocks (session_id, shift, whole, counted) VALUES (?, ?, ?, ?)",
            [(session_id, *shifts, counted) for session_id, shifts in self._slow_clocks().items()],
        )

    def restate(self, moved: Moved) -> None:
        """Add a shift to the times of a session's spans that were counted before its clock proved slow."""
        execute = self._connection.execute
        session_id, shift, spans = moved
        for trace in [trace for trace, (owner, *_) in self._linked.items() if owner == session_id]:
            del self._linked[trace]
        for seq, start in spans:
            self._restate_samples(seq, start, shift)
        row = execute("SELECT attributes FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
        if row is None:
            return
        tags = {tag: (value, start + shift) for tag, (value, start) in orjson.loads(row[0]).items()}
        newest = max((start for _, start in tags.values()), default=0)
        already, _ = tags.pop(CLOCK_SHIFT, (0, 0))
        if whole := int(already) + shift:
            tags[CLOCK_SHIFT] = (whole, newest)
        execute(
            "UPDATE sessions SET start = start + ?1, finish = finish + ?1, last_start = last_start + ?1, "
            "attributes = ?2 WHERE session_id = ?3",
            (shift, orjson.dumps(tags).decode(), session_id),
        )
        self.drop(session_id)

    def _restate_samples(self, seq: int, start: int, shift: int) -> None:
        for number, metric in enumerate(METRICS):
            row = self._connection.execute(_MOVE_SAMPLE, (start + shift, number, start, seq)).fetchone()
            if row is None:
                continue
            bucket, failed, environment_id, synthetic_id = row
            environment, synthetic = self._value(environment_id), self._value(synthetic_id)
            for sign, at in ((-1, start), (1, start + shift)):
                self._rollups.sample(environment, synthetic, metric, at, bucket, bool(failed), sign)

    def _value(self, pair: int) -> str:
        row = self._connection.execute("SELECT value FROM pairs WHERE id = ?", (pair,)).fetchone()
        return str(row[0]) if row else ""

    def stored_events(self, after_seq: int, upto_seq: int) -> Iterator[Event]:
        """The browser spans of these numbers, from the table."""
        rows = self._main.execute(_READ, (after_seq, upto_seq)).fetchall()
        for seq, session_id, name, start, duration, raw, resource_body in rows:
            tags = tags_of(
                name, span_detail(raw).attributes, resource_attributes(resource_body or b""), browser=True
            )
            yield _event(seq, session_id or "", name, start, duration, tags, raw, None)

    def invalidate(self) -> None:
        """Empty the caches."""
        self._known.clear()
        self._linked.clear()

    def drop(self, session_id: str) -> None:
        """Forget what is known of a session's row."""
        self._known.pop(session_id, None)

    def prune(self, session_id: str, counted_upto: int) -> None:
        """Count those of its spans anew that are left; without one, its row is deleted."""
        (events,) = self._main.execute(
            "SELECT count(*) FROM spans WHERE session_id = ? AND seq <= ?", (session_id, counted_upto)
        ).fetchone()
        execute = self._connection.execute
        row = execute(
            "UPDATE sessions SET events = ? WHERE session_id = ? RETURNING id", (events, session_id)
        ).fetchone()
        if row is not None and not events:
            self.drop(session_id)
            execute("DELETE FROM session_pairs WHERE session = ?", row)
            execute("DELETE FROM sessions WHERE id = ?", row)

    def prune_links(self, upto: int) -> None:
        """Delete what spans up to this number link."""
        self._versions.change_unlinked(upto)
        self._connection.execute("DELETE FROM links WHERE seq <= ?", (upto,))

    def _id(self, tag: str, tags: Mapping[str, str]) -> int:
        value = tags.get(tag)
        return self._pairs.id_of((tag, value)) if value else 0

    def _add(self, session_id: str, new: _Addition) -> None:
        known = self._known.get(session_id) or self._stored_session(session_id)
        tags = known.tags if known else {}
        before = {tag: tags[tag][0] for tag in FIRST_VALUE_TAGS if tag in tags}
        for tag, (value, start) in new.tags.items():
            _keep(tags, tag, value, start)
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
            known = _StoredSession(row[0], tags)
        self._known[session_id] = known
        for tag in FIRST_VALUE_TAGS & new.tags.keys():
            value = tags[tag][0]
            new.pairs.add((tag, value))
            if before.get(tag, value) != value:
                self._forget(known, tag)
        fresh = new.pairs - known.pairs
        if fresh:
            self._connection.executemany(
                "INSERT OR IGNORE INTO session_pairs (pair, session) VALUES (?, ?)",
                [(self._pairs.id_of(pair), known.id) for pair in fresh],
            )
            if len(known.pairs) < _CACHED_PAIRS:
                known.pairs |= fresh

    def _forget(self, session: _StoredSession, tag: str) -> None:
        """Let a session be found by no value of this tag."""
        self._connection.execute(
            "DELETE FROM session_pairs WHERE session = ? AND pair IN (SELECT x.pair FROM session_pairs x "
            "JOIN pairs p ON p.id = x.pair WHERE x.session = ? AND p.tag = ?)",
            (session.id, session.id, tag),
        )
        session.pairs = {pair for pair in session.pairs if pair[0] != tag}

    def _stored_session(self, session_id: str) -> _StoredSession | None:
        row = self._connection.execute(
            "SELECT id, attributes FROM sessions WHERE session_id = ?", (session_id,)
        ).fetchone()
        return _StoredSession(row[0], orjson.loads(row[1])) if row else None


def events_of(spans: Iterable[tuple[int, SpanRow]]) -> Iterator[Event]:
    """The events of browser spans that are still in memory, each with its number."""
    for seq, span in spans:
        yield _event(
            seq,
            span.session_id,
            span.name,
            span.start_unix_nano,
            span.duration_ns,
            span.tags,
            span.raw,
            span.clock_shift_ns,
        )


def _event(
    seq: int,
    session_id: str,
    name: str,
    start: int,
    duration_ns: int,
    tags: Mapping[str, str],
    raw: bytes,
    shift: int | None,
) -> Event:
    """The event of a span; a shift that is not known is told by the start that the browser claims."""
    attributes, events, claimed = sampled_detail(raw)
    if shift is None:
        shift = start - claimed if claimed else 0
    samples = rum_samples(name, attributes, duration_ns, events)
    is_error = any(sample.metric == "js_errors" for sample in samples)
    report = error_report(name, attributes, start) if is_error else None
    return Event(seq, session_id, start, duration_ns, tags, samples, shift, report)


def _trace_bytes(text: str) -> bytes:
    """A trace id as 16 bytes, none if the text is not hexadecimal."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return b""
    return found.rjust(16, b"\0") if 0 < len(found) <= 16 else b""
