"""Which processes, versions and flags the tag sets tell of.

There are thousands of sets and few processes. Sets get rising numbers and never change, so that each is read
once for all questions.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from signals.changes import FLAG_KEY, FLAG_VARIANT, INSTANCE_TAG, POD_TAGS, VERSION_TAGS
from store.process_values import Process as Process, Subject as Subject
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.tag_set_search import KnownSet, read_sets
from store.tag_sets import SERVICE

_READ: Final = (SERVICE, *VERSION_TAGS, INSTANCE_TAG, *POD_TAGS, FLAG_KEY, FLAG_VARIANT)
"""What `_subjects` reads of a tag set: nothing of the person."""
_AT_ONCE: Final = 5_000
MOST_KEPT: Final = 10_000
"""Processes that are kept, some 8 MB; where a sender makes up more, they are read anew for each question."""


class _Processes:
    """All that was read so far."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.upto = 0
        self.known: dict[object, Process] = {}

    def add(self, sets: Mapping[int, KnownSet]) -> None:
        of_form: dict[int, Process] = {}
        for number in sorted(sets):
            tags = sets[number]
            process = of_form.get(tags.form)
            if process is None:
                process = of_form[tags.form] = self._process(tags)
            process.sets.append(number)

    def _process(self, tags: KnownSet) -> Process:
        described: object = (tags.environment, *map(tags.get, _READ))
        try:
            process = self.known.get(described)
        except TypeError:  # a list: several values
            described = repr(described)
            process = self.known.get(described)
        if process is None:
            process = self.known[described] = Process(tags)
        return process


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
