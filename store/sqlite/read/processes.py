"""Which processes, versions and flags the tag sets tell of.

There are thousands of sets and few processes. Sets get rising numbers and never change, so that each is read
once for all questions.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator, Mapping
from typing import Final

from signals.changes import FLAG_KEY, FLAG_VARIANT, INSTANCE_TAG, POD_TAGS, VERSION_TAGS
from store.change_results import ChangeKind
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.tag_set_search import read_sets
from store.sqlite.tag_sets import SERVICE, TagSet, environment_in, service_in, values_in

Subject = tuple[ChangeKind, str, str]
"""Kind, service, and attribute, or the key of a flag: what has one value after the other."""

_READ: Final = (SERVICE, *VERSION_TAGS, INSTANCE_TAG, *POD_TAGS, FLAG_KEY, FLAG_VARIANT)
"""What `_subjects` reads of a tag set."""
_KINDS: Final[tuple[tuple[ChangeKind, str], ...]] = (
    ("version", VERSION_TAGS[0]),
    ("version", VERSION_TAGS[1]),
    ("version", VERSION_TAGS[2]),
    ("instance", INSTANCE_TAG),
)
_AT_ONCE: Final = 5_000
MOST_KEPT: Final = 10_000
"""Processes that are kept, some 8 MB; where a sender makes up more, they are read anew for each question."""


class Process:
    """What some tag sets say of versions, the process and flags of a service."""

    __slots__ = ("environment", "service", "sets", "values", "versions")

    def __init__(self, tags: TagSet) -> None:
        self.service = service_in(tags)
        self.environment = environment_in(tags)
        self.values = tuple(_subjects(tags))
        self.versions = tuple((tag, value) for tag in VERSION_TAGS for value in values_in(tags, tag))
        self.sets = array("q")
        """The numbers of the sets, rising; some may be deleted by now."""


class _Processes:
    """All that was read so far."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.upto = 0
        self.known: dict[object, Process] = {}

    def add(self, sets: Mapping[int, TagSet]) -> None:
        for number in sorted(sets):
            tags = sets[number]
            described: object = (environment_in(tags), *map(tags.get, _READ))
            try:
                process = self.known.get(described)
            except TypeError:  # a list: several values
                described = repr(described)
                process = self.known.get(described)
            if process is None:
                process = self.known[described] = Process(tags)
            process.sets.append(number)


def processes(db: ReadSession) -> list[Process]:
    """All processes that any tag set tells of."""
    kept = db.shared.of(_Processes)
    highest = (db.one("SELECT max(id) FROM tagsets") or (0,))[0] or 0
    with kept.lock:
        while kept.upto < highest:
            rows = db.all("SELECT id FROM tagsets WHERE id > ? ORDER BY id LIMIT ?", (kept.upto, _AT_ONCE))
            numbers = [number for (number,) in rows]
            kept.add(read_sets(db, numbers))
            kept.upto = numbers[-1] if numbers else highest
        found = list(kept.known.values())
        if len(found) > MOST_KEPT:
            kept.known, kept.upto = {}, 0
        return found


def version_sets(db: ReadSession, service: str) -> dict[tuple[str, str], set[int]]:
    """The tag sets of a service that carry a version, by attribute and value."""
    groups: dict[tuple[str, str], set[int]] = {}
    for process in processes(db):
        if process.service == service:
            for version in process.versions:
                groups.setdefault(version, set()).update(process.sets)
    return groups


def _subjects(tags: TagSet) -> Iterator[tuple[Subject, str]]:
    """What a tag set says of versions, the process and flags of its service."""
    service = service_in(tags)
    for kind, tag in _KINDS:
        for value in values_in(tags, tag):
            yield (kind, service, tag), value
    if INSTANCE_TAG not in tags:
        pod = next((tag for tag in POD_TAGS if tag in tags), None)
        if pod is not None:
            for value in values_in(tags, pod):
                yield ("instance", service, pod), value
    # Of several flags in one request it is not known which variant is whose.
    keys, variants = values_in(tags, FLAG_KEY), values_in(tags, FLAG_VARIANT)
    if len(keys) == 1 and len(variants) == 1:
        yield ("flag", service, keys[0]), variants[0]
