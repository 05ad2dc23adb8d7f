"""The list of sessions: the store query behind it, its column headers and its rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from observer.components.number_format import plural
from observer.components.session_rows import SessionRow, session_rows
from observer.request.scope import Scope
from observer.screens.rum.traffic_filter import LABELS
from runtime.seats import is_of_the_lab
from signals.attributes import SEAT, SYNTHETIC, SYNTHETIC_DECLARED
from store.api import Page, SessionQuery, SessionSort, SessionSummary

SORTS: Mapping[str, SessionSort] = {name: name for name in get_args(SessionSort)}
DEFAULT_SORT = "newest"
DEFAULT_WHOSE = "people"
PAGE_SIZE = 50
SEATS = "seats"
"""The argument that, with the value EVERYBODY, lists the sessions of all to a reader with a seat."""
EVERYBODY = "all"
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
    implied: bool = False
    """The filter by the own seat comes from nobody but the reader's cookie."""

    @property
    def seat(self) -> str:
        """The seat that is filtered by, or empty."""
        return self.attributes.get(SEAT, "")

    @property
    def own_pills(self) -> tuple[tuple[str | None, str, bool], ...]:
        """The switch between the own sessions and all: the value of `seats` in its link, label, current."""
        if not self.reader_seat:
            return ()
        own = self.attributes == {SEAT: self.reader_seat}
        return ((None, "My sessions", own), (EVERYBODY, "Everybody's sessions", not self.attributes))

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
    """How many rows there are, in words; empty for none."""
    empty_title: str
    truncated: bool
    next_cursor: str | None


def session_list_view(page: Page[SessionSummary], selection: ListSelection, scope: Scope) -> SessionListView:
    """One page of the list."""
    time_range = scope.label.lower() if scope.since else "this time range"
    whose = " of yours" if selection.implied else ""
    matching = " that matches" if selection.attributes and not selection.implied else ""
    return SessionListView(
        headers=column_headers(selection.sort),
        rows=session_rows(page.items),
        caption=f"Sessions, {_SORT_LABELS[selection.sort]}",
        shown=f"{plural(len(page.items), 'session')} shown" if page.items else "",
        empty_title=f"No session{whose} in {time_range}{matching}",
        truncated=page.truncated,
        next_cursor=page.next_cursor,
    )


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
    attributes = dict(selection.attributes)
    if scope.environment:
        attributes["environment"] = scope.environment
    if selection.whose == "synthetic":
        attributes.setdefault(SYNTHETIC, SYNTHETIC_DECLARED)
    return SessionQuery(
        window=scope.window,
        attributes=attributes,
        excluded={SYNTHETIC: SYNTHETIC_DECLARED} if selection.leaves_out_synthetic else {},
        sort=SORTS[selection.sort],
        limit=PAGE_SIZE,
        cursor=cursor,
    )
