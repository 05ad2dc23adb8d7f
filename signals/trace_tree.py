"""The tree of a trace: parents and children, where requests begin, where errors began.

Works on anything with the properties of SpanLike, so that the writer's aggregation and the
trace screen share every decision. Browser spans take no part. Nothing here
recurses: hostile traces are deep, wide, circular and have ids twice.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from signals.model import SpanError, SpanKind
from signals.trace_form import ABSENT as ABSENT, CALLS, SERVES, Form, form_of

_DISAGREE_NS = 1_000_000_000
"""Clocks that disagree by more than this stretch no trace: a second is more than clocks in one network do."""


class SpanLike(Protocol):
    """What the tree of a trace depends on; ids may be of any one hashable type."""

    @property
    def span_id(self) -> Hashable: ...
    @property
    def parent_span_id(self) -> Hashable: ...
    @property
    def service(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> int: ...
    @property
    def start_unix_nano(self) -> int: ...
    @property
    def duration_ns(self) -> int: ...
    @property
    def error(self) -> bool: ...
    @property
    def peer(self) -> str: ...
    @property
    def peer_is_database(self) -> bool: ...
    @property
    def browser(self) -> bool: ...


S = TypeVar("S", bound=SpanLike)


class Call(NamedTuple):
    """One call out of a service, measured by the caller."""

    source: str
    target: str
    start_unix_nano: int
    duration_ns: int
    error: bool
    inferred: bool
    """The target reports no spans of its own in this trace."""
    database: bool
    answered: bool = True
    """A span of the target stands under the call, or the target reports none in this trace."""


class Request(NamedTuple):
    """One entry into a service: `place` is its span's place in `Outline.spans`."""

    place: int
    members: list[int]
    """The spans of that service under that entry, the entry among them."""
    origin: bool
    """An error began in one of them."""


@dataclass(slots=True)
class Outline(Generic[S]):
    """A forest of backend spans; the index of every list is a place in `spans`, ABSENT means none."""

    spans: list[S]
    """Backend spans by start, then id."""
    form: Form
    """What many traces have in common: shared, not to be changed."""
    doubled: list[bool]
    """Another span, earlier in `spans`, has the same id."""
    starts: list[int] = field(default_factory=list)
    """Where each span begins by the clock of its caller: its own start, if their clocks agree."""
    origins: list[SpanError] = field(default_factory=list)

    @property
    def parents(self) -> list[int]:
        return self.form.parents

    @property
    def children(self) -> list[list[int]]:
        """By start, then id."""
        return self.form.children

    @property
    def order(self) -> list[int]:
        """Depth first, siblings by start."""
        return self.form.order

    @property
    def depths(self) -> list[int]:
        return self.form.depths

    @property
    def entries(self) -> list[int]:
        """The place of the entry that a span stands under."""
        return self.form.entries

    @property
    def lost(self) -> list[bool]:
        """The named parent is missing, and is not an outside caller's."""
        return self.form.lost

    @property
    def circular(self) -> list[bool]:
        """The link to the parent was cut, as the span is its own ancestor."""
        return self.form.circular

    @property
    def initiating(self) -> int:
        """The entry that initiated the trace; ABSENT only if there is no backend span."""
        return self.form.initiating

    @property
    def complete(self) -> bool:
        return not any(self.lost)

    def is_leaf_call(self, place: int) -> bool:
        """Whether a span is a call without any span below it."""
        return self.spans[place].kind in CALLS and not self.children[place]


def outline(spans: Sequence[S]) -> Outline[S]:
    """The outline of a trace's spans, which may be in any order. O(n log n)."""
    mixed = any(map(_browser, spans))
    ranked = sorted([span for span in spans if not span.browser] if mixed else spans, key=_by_start)
    places, doubled = _places(ranked)
    if any(doubled):
        ranked.sort(key=_rank)
        places, doubled = _places(ranked)
    outside = {span.span_id for span in spans if span.browser} if mixed else set()
    missing: dict[Hashable, int] = {}
    parents = []
    for above in map(_parent_id, ranked):
        parent = places.get(above, ABSENT) if above else ABSENT
        if parent == ABSENT and above and above not in outside:
            parent = missing.setdefault(above, ABSENT - 1 - len(missing))
        parents.append(parent)
    form = form_of(parents, [span.kind for span in ranked], [span.service for span in ranked])
    shape = Outline(ranked, form, doubled)
    shape.starts = _starts(shape)
    shape.origins = _origins(ranked, form.children)
    return shape


def is_call(span: SpanLike) -> bool:
    """Whether a span calls another service, a database or a queue."""
    return span.kind in CALLS


def members_of(shape: Outline[S]) -> list[tuple[int, list[int]]]:
    """(place of its entry, places of its spans) of each request of a trace, by start of their entries."""
    return shape.form.members


def requests_of(shape: Outline[S]) -> list[Request]:
    """The requests of a trace, by start of their entries."""
    begun = {place for place, error in enumerate(shape.origins) if error is SpanError.ORIGIN}
    return [Request(entry, under, not begun.isdisjoint(under)) for entry, under in members_of(shape)]


def services_of(shape: Outline[S]) -> list[tuple[str, int, SpanError]]:
    """(service, spans, worst error) in order of first start."""
    errors: dict[str, SpanError] = {}
    for span, error in zip(shape.spans, shape.origins, strict=True):
        if error is not SpanError.NONE and errors.get(span.service) is not SpanError.ORIGIN:
            errors[span.service] = error
    return [(service, count, errors.get(service, SpanError.NONE)) for service, count in shape.form.counts]


def calls_of(shape: Outline[S], is_error_answer: Callable[[S], bool] = lambda span: False) -> list[Call]:
    """The calls between services and to inferred ones, in no particular order.

    `is_error_answer` says of a span that calls an inferred service whether the answer was an
    error: such a call is in error even where its span is not.

    A calling span counts once for each service that answered under it, or, without an
    answer, once for the peer that it names. If a span that is not a call has a child in
    another service, the child's span counts.
    """
    spans, starts = shape.spans, shape.starts
    reporting = {service for service, _ in shape.form.counts}
    calls: list[Call] = []
    for place, own, target in shape.form.calls:
        span = spans[place]
        error, inferred, database, answered = span.error, False, False, True
        if target is None:
            target = span.peer
            if not target or target == own:
                continue
            if target in reporting:
                answered = False
            else:
                inferred, database = True, span.peer_is_database
                error = error or is_error_answer(span)
        # Like `Call(…)` in half of its time.
        calls.append(
            _CALL((own, target, starts[place], span.duration_ns, error, inferred, database, answered))
        )
    return calls


_CALL: Callable[[tuple[Any, ...]], Call] = partial(tuple.__new__, Call)
_rank: Callable[[SpanLike], tuple[Any, ...]] = attrgetter(
    "start_unix_nano", "span_id", "kind", "duration_ns", "service", "name"
)


_by_start: Callable[[SpanLike], tuple[Any, ...]] = attrgetter("start_unix_nano", "span_id")
"""The same where no id comes twice."""
_parent_id: Callable[[SpanLike], Hashable] = attrgetter("parent_span_id")
_error: Callable[[SpanLike], bool] = attrgetter("error")
_browser: Callable[[SpanLike], bool] = attrgetter("browser")


def _places(ranked: Sequence[SpanLike]) -> tuple[dict[Hashable, int], list[bool]]:
    """The place of the first span of each id, and for each span whether it is another one of its id."""
    ids = [span.span_id for span in ranked]
    places: dict[Hashable, int] = dict(zip(ids, range(len(ids)), strict=True))
    if len(places) == len(ids):
        return places, [False] * len(ids)
    places.clear()
    return places, [places.setdefault(span_id, place) != place for place, span_id in enumerate(ids)]


def _starts(shape: Outline[S]) -> list[int]:
    spans = shape.spans
    starts = [span.start_unix_nano for span in spans]
    if not starts or starts[-1] - starts[0] <= _DISAGREE_NS:
        return starts
    for place in shape.order:
        above = shape.parents[place]
        if above == ABSENT:
            continue
        span, parent = spans[place], spans[above]
        start, called = starts[place], starts[above]
        if span.service == parent.service:
            # One service, one clock: it is moved with its parent.
            start += called - parent.start_unix_nano
        late_ns = start - called - parent.duration_ns if answers(span, parent) else 0
        if called - start > _DISAGREE_NS or late_ns > _DISAGREE_NS:
            start = called + max(0, parent.duration_ns - span.duration_ns) // 2
        starts[place] = start
    return starts


def answers(span: SpanLike, parent: SpanLike) -> bool:
    """Whether a span begins while its parent waits for it: a child in one process may outlive its parent."""
    return parent.kind == SpanKind.CLIENT and (span.kind in SERVES or span.service != parent.service)


def _origins(spans: Sequence[SpanLike], children: list[list[int]]) -> list[SpanError]:
    """Of spans in error: ORIGIN without a direct child in error, RECEIVED with one."""
    if not any(map(_error, spans)):
        return [SpanError.NONE] * len(spans)
    found = []
    for span, below in zip(spans, children, strict=True):
        if not span.error:
            found.append(SpanError.NONE)
        elif any(spans[child].error for child in below):
            found.append(SpanError.RECEIVED)
        else:
            found.append(SpanError.ORIGIN)
    return found
