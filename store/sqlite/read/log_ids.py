"""Which logs of a block have the ids that a query names, and in which parts they may be."""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from store.api import LogQuery
from store.sqlite.log_keys import session_key, trace_key
from store.sqlite.read.log_blocks import Block, Info, LogBlocks
from store.sqlite.read.log_tallies import Found, KnownFound
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.row_mapping import span_bytes, trace_bytes

WithIds = Callable[[Block, Sequence[int] | None], set[int]]
"""The places of the logs of a block that have an id; with the keys that it is filed under, None of rows."""
_FEW: Final = 16
"""Traces that are sought in a block one after another: a part has the logs of some of them."""


class LogIds:
    """The ids that a query names. Which logs of a part have them is kept, as neither changes."""

    def __init__(self, db: ReadSession, query: LogQuery) -> None:
        self.keys, self._tests = _ids_of(query)
        """The keys of the parts with logs of a query by ids, None of any other; which logs are meant."""
        self.are_named = bool(self._tests)
        self._known = db.shared.of(KnownFound)
        self._filed: dict[int, list[int]] = {}
        """Under which of the keys each part is filed."""
        asked = "ids", query.session_id, sorted(set(query.trace_ids or ())), query.trace_id, query.span_id
        self._digest = hashlib.blake2b(repr(asked).encode("utf-8", "replace"), digest_size=16).digest()

    def infos(self, blocks: LogBlocks) -> list[Info]:
        """The blocks that may hold such logs."""
        found, self._filed = blocks.with_keys(self.keys or ())
        return found

    def known(self, info: Info) -> Sequence[int] | None:
        """The places of the logs of a block that have the ids; None if they were not looked for yet."""
        found = self._known.get((self._digest, info.part)) if info.part else None
        return None if found is None else found.places

    def places(self, block: Block) -> Sequence[int]:
        """The same, in order. Raises DamagedLogs."""
        info = block.info
        known = self.known(info)
        if known is not None:
            return known
        filed = self._filed.get(info.part)
        found = array("H", sorted(set.intersection(*[test(block, filed) for test in self._tests])))
        if info.part:
            self._known.keep((self._digest, info.part), Found(found))
        return found


def _ids_of(query: LogQuery) -> tuple[set[int] | None, list[WithIds]]:
    keys: set[int] | None = None
    tests: list[WithIds] = []
    session = query.session_id
    if session is not None:
        keys = {session_key(session)}
    if query.trace_ids:
        traces = frozenset(map(trace_bytes, query.trace_ids))
        by_key: defaultdict[int, list[bytes]] = defaultdict(list)
        for trace_id in traces:
            by_key[trace_key(trace_id)].append(trace_id)
        keys = (keys or set()) | by_key.keys()
        tests.append(
            lambda block, filed: _of_session(block, session) | _of_traces(block, traces, by_key, filed)
        )
    elif session is not None:
        tests.append(lambda block, _: _of_session(block, session))
    if query.trace_id is not None:
        trace = trace_bytes(query.trace_id)
        keys = {trace_key(trace)}
        tests.append(lambda block, _: _of_trace(block, trace))
    if query.span_id is not None:
        span = span_bytes(query.span_id)
        tests.append(lambda block, _: set(block.spans.with_bytes(span)))
    return keys, tests


def _of_traces(
    block: Block, traces: frozenset[bytes], by_key: Mapping[int, list[bytes]], filed: Sequence[int] | None
) -> set[int]:
    """The logs of these traces; of a part, only those can be in it whose keys it is filed under."""
    pieces = block.traces
    if filed is None or len(filed) > _FEW:
        return {place for place, trace_id in enumerate(pieces.all()) if trace_id in traces}
    return {place for key in filed for trace_id in by_key.get(key, ()) for place in pieces.equal_to(trace_id)}


def _of_trace(block: Block, trace_id: bytes) -> set[int]:
    return set(block.traces.with_bytes(trace_id))


def _of_session(block: Block, session: str | None) -> set[int]:
    kinds = [kind.session == session for kind in block.table.kinds]
    if not any(kinds):
        return set()
    return {place for place, kind in enumerate(block.table.places) if kinds[kind]}
