"""The contract for finding names and ids by a part of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from signals.model import SessionId, SpanId, TraceId
from store.results import KnownService


class NameReader(Protocol):
    """What people type: a part of a name in any case and form (`signals.folding`), some digits of an id.

    Names that equal the part come first, then those that begin with it, then by name. For a part
    that is empty the answer is, too.
    """

    def values_holding(self, name: str, part: str, limit: int = 20) -> Sequence[str]:
        """Values of an indexed attribute that hold this part, of sessions and of requests alike."""

    def services_holding(self, part: str, limit: int = 20) -> Sequence[KnownService]:
        """Services whose name holds this part, those too that only logs or callers know."""

    def sessions_holding(self, part: str, limit: int = 20) -> Sequence[SessionId]:
        """Those of the newest 20,000 sessions whose id holds this part, the newest first."""

    def never_seen(self, names: Iterable[str]) -> Sequence[str]:
        """Those of these names of attributes that nothing has which is kept, in their order.

        No span, event, link, log, scope or resource. A name of which that is not known is left out.
        """

    def trace_ids_with(self, digits: str, limit: int = 20) -> Sequence[TraceId]:
        """Traces whose id begins or ends with these hexadecimal digits, in order of their ids.

        An id of 64 bits begins after its zeros. Raises BadQuery for anything but 1 to 32 digits.
        """

    def span_ids_beginning(self, digits: str, limit: int = 20) -> Sequence[tuple[TraceId, SpanId]]:
        """Spans whose id begins with these hexadecimal digits. Reads one index from end to end.

        Raises BadQuery for anything but 1 to 16 digits.
        """
