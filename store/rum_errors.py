"""JavaScript errors in groups: what tells one group from another, and what a group says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from signals.attributes import first_of
from signals.model import Attributes, SessionId, SpanId
from store.results import ErrorGroup

_FRAMES = 3
"""Topmost stack frames that tell groups apart; deeper ones differ by how the page got there."""
_TYPES = ("error.object", "exception.type", "error.type")
_MESSAGES = ("error.message", "exception.message")
_STACKS = ("error.stack", "exception.stacktrace")
TEXT_NAMES = frozenset({*_TYPES, *_MESSAGES, *_STACKS})
_FAILED_LOAD = "eventListener.error"
"""The agent's name for an image, script or style that could not be loaded."""
_LONGEST_KEPT = 2_000
"""Characters that an error says of itself; of a longer one no description is kept."""
_QUERY = re.compile(r"\?[^\s\"'>]*")


class FoundError(NamedTuple):
    """One error event."""

    start: int
    session_id: str
    span_id: bytes
    error_id: str
    type: str
    message: str
    person: int
    """Id of the pair of its `enduser.id`; 0 without one."""
    synthetic: bool


@dataclass(slots=True)
class _Group:
    type: str
    message: str
    newest: FoundError
    count: int = 0
    sessions: set[str] = field(default_factory=set)
    people: set[int] = field(default_factory=set)
    """Ids of their pairs."""
    of_known: set[str] = field(default_factory=set)
    """Sessions of which a person is known."""
    synthetic: int = 0

    def result(self, error_id: str) -> ErrorGroup:
        """The group under its id."""
        return ErrorGroup(
            error_id=error_id,
            type=self.type,
            message=self.message,
            count=self.count,
            sessions=len(self.sessions),
            people=len(self.people) + len(self.sessions - self.of_known),
            synthetic=self.synthetic,
            last_seen_unix_nano=self.newest.start,
            example_session_id=SessionId(self.newest.session_id),
            example_span_id=SpanId(self.newest.span_id.hex()),
        )


def grouped(found: Sequence[FoundError], limit: int) -> list[ErrorGroup]:
    """The groups of errors that are given newest first, most frequent first."""
    groups: dict[str, _Group] = {}
    for error in found:
        group = groups.get(error.error_id)
        if group is None:
            group = groups[error.error_id] = _Group(error.type, error.message, error)
        group.count += 1
        group.synthetic += error.synthetic
        if error.session_id:
            group.sessions.add(error.session_id)
        if error.person:
            group.people.add(error.person)
            group.of_known.add(error.session_id)
    order = sorted(groups.items(), key=lambda one: (-one[1].count, -one[1].newest.start, one[0]))
    return [group.result(error_id) for error_id, group in order[:limit]]


def describe_error(name: str, attributes: Attributes) -> tuple[str, str, str]:
    """(group id, type, message). A file that failed to load is one group whatever its URL's query."""
    texts = name, first_of(attributes, _TYPES), first_of(attributes, _MESSAGES), first_of(attributes, _STACKS)
    return _described_once(*texts) if sum(map(len, texts)) <= _LONGEST_KEPT else _described(*texts)


def _described(name: str, kind: str, message: str, stack: str) -> tuple[str, str, str]:
    kind, message = kind or name, message or name
    if name == _FAILED_LOAD:
        kind, message = "load", _QUERY.sub("", message)
    frames = [line.strip() for line in stack.splitlines() if "at " in line or "@" in line][:_FRAMES]
    digest = hashlib.blake2b(
        "\n".join([name, kind, message, *frames]).encode("utf-8", "replace"), digest_size=8
    )
    return digest.hexdigest(), kind, message


_described_once = lru_cache(maxsize=200)(_described)
"""Thousands of errors say the same few things; 400,000 characters are kept at most."""
