"""Which logs of a block match a query: by time and number, by what blocks are told apart by, and by content.

What was found in a part by its content is kept, as neither the part nor the condition changes.
"""

from __future__ import annotations

import hashlib
import logging
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Final, NamedTuple

from signals.model import Severity
from store.api import LogQuery
from store.queries import Window
from store.question_parts import words_of
from store.sqlite.log_parts import DamagedLogs, LogKind
from store.sqlite.read import attribute_scan
from store.sqlite.read.attribute_names import is_never_seen
from store.sqlite.read.log_attributes import Carrying, Holding, LogCondition
from store.sqlite.read.log_blocks import NEWEST, Block, Info, LogBlocks
from store.sqlite.read.log_ids import LogIds
from store.sqlite.read.log_tallies import NOTHING, Found, KnownFound
from store.sqlite.read.log_text import Words, parts_with
from store.sqlite.read.read_connection import ReadSession

_LOG = logging.getLogger(__name__)
_FEW: Final = 20_000
"""With at most this many hits in its window, a text is searched in all of it."""
BEHIND_ALL: Final = Window.ALL.to_unix_nano
"""Greater than any number of a log."""


@dataclass(frozen=True, slots=True)
class LogRange:
    """Of which logs: a window, or numbers where logs after another are sought."""

    window: Window | None
    beyond: tuple[int, int] | None = None
    """Time and number of the log behind which the page begins."""
    above: int = -1
    upto: int = BEHIND_ALL

    def holds_all(self, info: Info) -> bool:
        """Whether the times of all logs of a block are asked for."""
        window = self.window
        return (
            window is not None
            and self.beyond is None
            and window.from_unix_nano <= info.oldest
            and info.newest < window.to_unix_nano
        )

    def places(self, block: Block, *, newest: bool) -> range | list[int]:
        """Those of a block."""
        seqs, times = block.table.seqs, block.table.times
        if self.window is None:
            return [place for place, seq in enumerate(seqs) if self.above < seq <= self.upto]
        begin = bisect_left(times, self.window.from_unix_nano)
        end = bisect_left(times, self.window.to_unix_nano)
        if self.beyond is not None:
            time, seq = self.beyond
            same = bisect_left(times, time), bisect_right(times, time)
            if newest:
                end = min(end, bisect_left(seqs, seq, *same))
            else:
                begin = max(begin, bisect_right(seqs, seq, *same))
        return range(begin, max(begin, end))


class _KnownRare(dict[tuple[bytes, Window], bool]):
    """Whether a text is rare in a window, in one snapshot."""


class _Required(NamedTuple):
    """A condition on the content of a log."""

    digest: bytes
    condition: LogCondition
    holds: bool
    """Whether it must hold, or must not."""


class LogMatch:
    """The conditions of one query."""

    def __init__(self, db: ReadSession, query: LogQuery, blocks: LogBlocks) -> None:
        self._db = db
        self._query = query
        self._blocks = blocks
        self._known = db.shared.of(KnownFound)
        self._ids = LogIds(db, query)
        self.is_narrow = self._ids.are_named
        """Whether ids decide which logs match."""
        self.severities = _severity_ranges(query.severities)
        self._resources = (
            attribute_scan.resources_of(db, query.environment) if query.environment is not None else None
        )
        self._conditions: list[_Required] = []
        """On texts and attributes."""
        self._parts: frozenset[int] | None = None
        """The parts in which the text may be; None where all are to be searched."""
        self._nowhere = False
        """Whether nothing can match."""
        self.is_bounded = False
        """Whether only a bounded number of logs may be read."""
        self._by_kind = bool(query.service is not None or query.severities or self._resources is not None)
        """Whether what logs have in common decides which match."""
        self._fitting: dict[LogKind, bool] = {}
        self._attributes(query)
        if query.text:
            self._text(words_of(query.text))
        self._all_digest = self._digest_of(self._conditions)
        self._cheap_digest = self._digest_of(())

    def _condition(self, condition: LogCondition, *, required: bool = True) -> bytes:
        digest = hashlib.blake2b(condition.key.encode("utf-8", "replace"), digest_size=16).digest()
        self._conditions.append(_Required(digest, condition, required))
        return digest

    def _digest_of(self, conditions: Sequence[_Required]) -> bytes:
        """The same for the same conditions on what never changes of a log, and on what it has in common."""
        if not self._by_kind and not conditions:
            return b""
        if not self._by_kind and len(conditions) == 1 and conditions[0].holds:
            return conditions[0].digest
        resources = None if self._resources is None else sorted(self._resources)
        parts = [(each.digest, each.holds) for each in conditions]
        conditions_text = repr((self._query.service, self.severities, resources, parts))
        return hashlib.blake2b(conditions_text.encode("utf-8", "replace"), digest_size=16).digest()

    def _attributes(self, query: LogQuery) -> None:
        """Conditions on attributes; nothing is read for one that nothing has."""
        db = self._db
        nowhere = {
            name
            for name in {*query.attributes, *query.like, *(name for name, _ in query.excluded)}
            if is_never_seen(db, name)
        }
        if not nowhere.isdisjoint({*query.attributes, *query.like}):
            self._nowhere = True
            return
        for name, value in query.attributes.items():
            self._condition(Carrying(db, name, value))
        for name, part in query.like.items():
            self._condition(Holding(db, name, part))
        for name, value in query.excluded:
            if name not in nowhere:
                self._condition(Carrying(db, name, value), required=False)
        self.is_bounded = not self.is_narrow and bool(self._conditions)

    def _text(self, words: Sequence[str]) -> None:
        """Every word is a substring; all of the window is searched if it has few."""
        words_in = Words(words)
        digest = self._condition(words_in)
        if self.is_narrow or self._query.after is not None or self._nowhere:
            return
        self._parts = parts_with(self._db, words)
        self.is_bounded = self._parts is None or not self._is_rare(digest, words_in)

    def _is_rare(self, digest: bytes, words: Words) -> bool:
        known = self._db.noted.of(_KnownRare)
        key = digest, self._query.window
        if key not in known:
            known[key] = self._seems_rare(digest, words)
        return known[key]

    def _seems_rare(self, digest: bytes, words: Words) -> bool:
        """Whether few logs of the window have the text, or seem to after the newest ones were searched."""
        infos = self._candidates()
        total = sum([info.n for info in infos])
        hits = searched = 0
        known_of = self._known.get
        for info in reversed(infos):
            known = known_of((digest, info.part)) if info.part else None
            hits += len(known.places if known is not None else self._fulfilling(digest, words, info))
            searched += info.n
            if hits > _FEW:
                return False
            if searched >= attribute_scan.MAX_LOGS and hits * total > 4 * _FEW * searched:
                return False
        return True

    def _candidates(self) -> list[Info]:
        """The blocks of the window that may hold the text, the newest last."""
        infos = sorted(self._blocks.within(self._query.window), key=NEWEST)
        return infos if self._parts is None else [info for info in infos if self._may_hold(info)]

    def _may_hold(self, info: Info) -> bool:
        return self._parts is None or not info.part or info.part in self._parts

    def _fulfilling(self, digest: bytes, condition: LogCondition, info: Info) -> Sequence[int]:
        """The places of the logs of a block that fulfil a condition; none of one that is damaged."""
        key = digest, info.part
        known = self._known.get(key) if info.part else None
        if known is not None:
            return known.places
        try:
            found = array("H", condition.places(self._blocks.open(info)))
        except DamagedLogs as error:
            _LOG.warning("left out: %s", error)
            return ()
        if info.part:
            self._known.keep(key, Found(found))
        return found

    def infos(self, asked: LogRange) -> Sequence[Info]:
        """The blocks that may hold logs of this range."""
        if self._nowhere:
            return []
        if self._ids.keys is not None:
            found: Sequence[Info] = self._ids.infos(self._blocks)
        elif asked.window is None:
            found = self._blocks.after(asked.above)
        else:
            found = self._blocks.within(self._query.window)
            if asked.window == self._query.window:
                return found
            begin, end = asked.window.from_unix_nano, asked.window.to_unix_nano
            return [info for info in found if info.newest >= begin and info.oldest < end]
        return [info for info in found if _overlaps(info, asked)]

    def cheap(self, block: Block, asked: LogRange) -> Sequence[int]:
        """The places of the logs of a block that match all but texts and attributes."""
        places: Sequence[int] = asked.places(block, newest=not self._query.oldest_first)
        places = self._of_kinds(block, places)
        if not self._ids.are_named:
            return places
        asked_for = places if isinstance(places, range) else frozenset(places)
        return [place for place in self._ids.places(block) if place in asked_for]

    def _of_kinds(self, block: Block, places: Sequence[int]) -> Sequence[int]:
        """Those whose logs have in common what is asked for."""
        table = block.table
        fits = list(map(self._known_fits, table.kinds)) if self._by_kind else []
        if all(fits):
            return places
        if not any(fits):
            return ()
        return list(compress(places, map(fits.__getitem__, map(table.places.__getitem__, places))))

    def _known_fits(self, kind: LogKind) -> bool:
        found = self._fitting.get(kind)
        if found is None:
            found = self._fitting[kind] = self._fits(kind)
        return found

    def _fits(self, kind: LogKind) -> bool:
        query = self._query
        return (
            (query.service is None or kind.service == query.service)
            and (self._resources is None or kind.resource in self._resources)
            and (not self.severities or any(low <= kind.severity <= high for low, high in self.severities))
        )

    def everywhere(self, info: Info, *, cheap: bool = False) -> Found:
        """Which logs of a block match, whatever their time; if `cheap`, all but texts and attributes.

        Not for a query by ids.
        """
        digest = self._cheap_digest if cheap else self._all_digest
        known = self._known.get((digest, info.part)) if info.part else None
        if known is not None:
            return known
        if not cheap and not self._may_hold(info):
            return NOTHING
        conditions = () if cheap else self._conditions
        costly = [(self._fulfilling(each.digest, each.condition, info), each.holds) for each in conditions]
        if any(required and not places for places, required in costly):
            return NOTHING
        try:
            block = self._blocks.open(info)
            places = self._of_kinds(block, range(len(block.table.seqs)))
        except DamagedLogs as error:
            _LOG.warning("left out: %s", error)
            return NOTHING
        places = _combined(places, costly)
        found = Found(places if isinstance(places, range) else array("H", places))
        if info.part:
            self._known.keep((digest, info.part), found)
        return found

    def is_known(self, info: Info) -> bool:
        """Whether it is known already what matches in a block."""
        return (self._all_digest, info.part) in self._known

    def stretch(self, block: Block, asked: LogRange, places: Sequence[int]) -> tuple[int, int]:
        """From which of these places to before which they are asked for, by their time."""
        within = asked.places(block, newest=not self._query.oldest_first)
        if not within:
            return 0, 0
        return bisect_left(places, within[0]), bisect_left(places, within[-1] + 1)

    def cheap_places(self, info: Info, asked: LogRange) -> Sequence[int]:
        """As `cheap`, of a query that is not by ids; of a block within the range nothing is read."""
        places = self.everywhere(info, cheap=True).places
        return places if asked.holds_all(info) else self._asked_of(info, places, asked)

    def _asked_of(self, info: Info, places: Sequence[int], asked: LogRange) -> Sequence[int]:
        """Those of these places that are asked for by their time; none of a block that is damaged."""
        try:
            begin, end = self.stretch(self._blocks.open(info), asked, places)
        except DamagedLogs as error:
            _LOG.warning("left out: %s", error)
            return ()
        return places[begin:end]

    def matching(self, info: Info, asked: LogRange) -> tuple[Block, Sequence[int]] | None:
        """A block and the places of the logs in it that match; None if there are none."""
        if self._ids.are_named or asked.window is None:
            return self._matching_few(info, asked)
        places = self.everywhere(info).places
        if not places:
            return None
        try:
            block = self._blocks.open(info)
            _ = block.table  # Read here, where it is known what to do with a damaged one.
        except DamagedLogs as error:
            _LOG.warning("left out: %s", error)
            return None
        if not asked.holds_all(info):
            begin, end = self.stretch(block, asked, places)
            places = places[begin:end]
        return (block, places) if places else None

    def number(self, info: Info, asked: LogRange) -> int:
        """How many logs of a block match. Where those with the ids are known, and nothing else decides,
        nothing is read."""
        if self._ids.are_named and not self._by_kind and not self._conditions and asked.holds_all(info):
            known = self._ids.known(info)
            if known is not None:
                return len(known)
        matching = self.matching(info, asked)
        return len(matching[1]) if matching else 0

    def _matching_few(self, info: Info, asked: LogRange) -> tuple[Block, Sequence[int]] | None:
        """As `matching`, for ids, and for logs by their numbers."""
        if not self._may_hold(info):
            return None
        costly = [
            (self._fulfilling(digest, condition, info), holds)
            for digest, condition, holds in self._conditions
        ]
        if any(required and not places for places, required in costly):
            return None
        try:
            block = self._blocks.open(info)
            found = _combined(self.cheap(block, asked), costly)
        except DamagedLogs as error:
            _LOG.warning("left out: %s", error)
            return None
        return (block, found) if found else None


def _combined(found: Sequence[int], costly: Sequence[tuple[Sequence[int], bool]]) -> Sequence[int]:
    """Those of these places that are, or are not, among others."""
    for places, required in costly:
        if required and isinstance(found, range):
            found = places[bisect_left(places, found.start) : bisect_left(places, found.stop)]
        elif places:
            known = set(places)
            found = [place for place in found if (place in known) == required]
    return found


def _overlaps(info: Info, asked: LogRange) -> bool:
    if asked.window is None:
        return info.last > asked.above and info.first <= asked.upto
    return info.newest >= asked.window.from_unix_nano and info.oldest < asked.window.to_unix_nano


def _severity_ranges(severities: frozenset[Severity]) -> list[tuple[int, int]]:
    """OTLP numbers severities 1 to 24, four to each name; 0 is unspecified, and counts as info."""
    ranges = []
    for place, severity in enumerate(Severity):
        if severity in severities:
            low = place * 4 + 1
            ranges.append((low, 2**31 if severity is Severity.FATAL else low + 3))
            if severity is Severity.INFO:
                ranges.append((-(2**31), 0))
    return ranges
