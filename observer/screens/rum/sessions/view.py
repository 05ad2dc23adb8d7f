"""The list of sessions: the store query behind it, its column headers and its rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from observer.components.number_format import count, plural
from observer.components.session_rows import SessionRow, session_rows
from observer.components.traffic_filter import LABELS, conditions
from observer.request.scope import Scope
from observer.screens.rum.metrics import BY_NAME
from runtime.seats import is_of_the_lab
from signals.attributes import SEAT, SYNTHETIC, SYNTHETIC_DECLARED
from store.api import CountedEvents, Page, RumMetric, SessionQuery, SessionSort, SessionSummary

SORTS: Mapping[str, SessionSort] = {name: name for name in get_args(SessionSort)}
DEFAULT_SORT = "newest"
DEFAULT_WHOSE = "people"
PAGE_SIZE = 50
SEATS = "seats"
"""The argument that, with the value EVERYBODY, lists the sessions of all to a reader with a seat."""
EVERYBODY = "all"
COUNTED_BY = ("metric", "error_id")
"""The arguments that list the sessions behind a number."""
SEARCHABLE = (
    "enduser.id",
    "app",
    "page",
    "operation",
    "browser.name",
    "os.name",
    "app.version",
    "tenant.level",
    "http.status_code",
    "link.traceId",
)
"""Attributes that the search form suggests; any other can be typed."""
_SORT_LABELS: Mapping[str, str] = {
    "newest": "newest first",
    "oldest": "oldest first",
    "longest": "longest first",
    "shortest": "shortest first",
    "pages": "most pages first",
    "errors": "most JavaScript errors first",
    "network_errors": "most network errors first",
}
_COLUMNS = (
    ("Session", "", "", False),
    ("Seat", "", "", False),
    ("Start", "newest", "oldest", False),
    ("Duration", "longest", "shortest", False),
    ("Pages", "pages", "", True),
    ("JS errors", "errors", "", True),
    ("Network errors", "network_errors", "", True),
    ("App", "", "", False),
    ("Browser", "", "", False),
)
"""Label, the descending sort, the ascending sort, whether it is numeric."""


@dataclass(frozen=True, slots=True)
class ColumnHeader:
    """The header of one column."""

    label: str
    numeric: bool
    sort: str
    """The sort that its link chooses, the opposite one if the list is sorted by it; empty for no link."""
    aria_sort: str
    """`ascending`, `descending`, or empty where the list is sorted by another column."""

    @property
    def argument(self) -> str | None:
        """The value of `sort` in its link; None for the default."""
        return argument(self.sort, DEFAULT_SORT)


@dataclass(frozen=True, slots=True)
class ListSelection:
    """What the address of the list selects."""

    attributes: Mapping[str, str]
    whose: str
    sort: str
    reader_seat: str = ""
    """In class mode the reader's own seat: without any filter its sessions alone are listed."""
    metric: RumMetric | None = None
    """Sessions behind a number: those with an event that this metric counts, with all of `attributes`."""
    error_id: str = ""
    """Of `js_errors`, one group."""
    implied: bool = False
    """The filter by the own seat comes from nobody but the reader's cookie."""

    @property
    def seat(self) -> str:
        """The seat that is filtered by, or empty."""
        return self.attributes.get(SEAT, "")

    @property
    def counted_by(self) -> str:
        """What the listed sessions have an event of, in words; empty where they are listed by attributes."""
        if self.error_id:
            return "this JavaScript error"
        return BY_NAME[self.metric].label if self.metric else ""

    @property
    def own_pills(self) -> tuple[tuple[str | None, str, bool], ...]:
        """The switch between the own sessions and all: the value of `seats` in its link, label, current."""
        if not self.reader_seat:
            return ()
        own = self.attributes == {SEAT: self.reader_seat}
        everybody = not self.attributes and not self.metric
        return ((None, "My sessions", own), (EVERYBODY, "Everybody's sessions", everybody))

    @property
    def whose_argument(self) -> str | None:
        """The value of `whose` in a link; None for the default."""
        return argument(self.whose, DEFAULT_WHOSE)

    @property
    def sort_argument(self) -> str | None:
        """The value of `sort` in a link; None for the default."""
        return argument(self.sort, DEFAULT_SORT)

    @property
    def pills(self) -> tuple[tuple[str | None, str, bool], ...]:
        """The choices of traffic: the value of `whose` in its link, the label, whether it is current."""
        return tuple((argument(name, DEFAULT_WHOSE), label, name == self.whose) for name, label in LABELS)

    @property
    def leaves_out_synthetic(self) -> bool:
        """Whether synthetic sessions are not listed: a seat of the lab's own that is asked for by name is."""
        return self.whose == "people" and not is_of_the_lab(self.seat)


def argument(value: str, default: str) -> str | None:
    """The value as an argument of an address: None for the default, so that addresses stay short."""
    return None if value == default else value


@dataclass(frozen=True, slots=True)
class SessionListView:
    """The table, or why it is empty."""

    headers: tuple[ColumnHeader, ...]
    rows: tuple[SessionRow, ...]
    caption: str
    shown: str
    """How many rows there are, and of how many, in words; empty for none."""
    total: int
    """The sessions on all pages of the list."""
    empty_title: str
    truncated: bool
    next_cursor: str | None


def session_list_view(
    page: Page[SessionSummary], total: tuple[int, bool], selection: ListSelection, scope: Scope
) -> SessionListView:
    """One page of the list; `total` counts the sessions of all pages, and whether there may be more."""
    time_range = scope.label.lower() if scope.since else "this time range"
    whose = " of yours" if selection.implied else ""
    filtered = (selection.attributes and not selection.implied) or selection.metric
    matching = " that matches" if filtered else ""
    return SessionListView(
        headers=column_headers(selection.sort),
        rows=session_rows(page.items),
        caption=f"Sessions, {_SORT_LABELS[selection.sort]}",
        shown=shown_of(len(page.items), *total),
        total=total[0],
        empty_title=f"No session{whose} in {time_range}{matching}",
        truncated=page.truncated,
        next_cursor=page.next_cursor,
    )


def shown_of(rows: int, total: int, more: bool) -> str:
    """`12 sessions`, `50 of 312 sessions shown`, `50 of at least 5,000 sessions shown`; empty for none."""
    if not rows:
        return ""
    least = "at least " if more else ""
    if rows >= total and not more:
        return plural(total, "session")
    return f"{count(rows)} of {least}{plural(max(total, rows), 'session')} shown"


def column_headers(sort: str) -> tuple[ColumnHeader, ...]:
    """The headers of a list that is sorted by `sort`."""
    return tuple(
        ColumnHeader(
            label,
            numeric,
            ascending if ascending and sort == descending else descending,
            "" if not descending else {descending: "descending", ascending: "ascending"}.get(sort, ""),
        )
        for label, descending, ascending, numeric in _COLUMNS
    )


def session_query(scope: Scope, selection: ListSelection, cursor: str | None) -> SessionQuery:
    """The store query of the list: the environment is one more filter, synthetic traffic is left out."""
    if selection.metric:
        where = conditions(scope.environment, selection.attributes, selection.whose) or {}
        counted = CountedEvents(selection.metric, where, selection.error_id)
        attributes, excluded = {}, {}
    else:
        counted = None
        attributes = dict(selection.attributes)
        if scope.environment:
            attributes["environment"] = scope.environment
        if selection.whose == "synthetic":
            attributes.setdefault(SYNTHETIC, SYNTHETIC_DECLARED)
        excluded = {SYNTHETIC: SYNTHETIC_DECLARED} if selection.leaves_out_synthetic else {}
    return SessionQuery(
        window=scope.window,
        attributes=attributes,
        counted=counted,
        excluded=excluded,
        sort=SORTS[selection.sort],
        limit=PAGE_SIZE,
        cursor=cursor,
    )
