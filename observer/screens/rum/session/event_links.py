"""Addresses that the rows of a session's screen complete with an id of their own.

Built once per request: a page has hundreds of rows, and building a query string for each is slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from observer.components.session_path import SESSION_ARGS, session_path
from observer.request.links import filtered, here, open_ended, scoped
from signals.attributes import text_of
from signals.browser_events import RUM_TAGS
from signals.model import Attribute, SessionId

_LONGEST_VALUE = 200
"""Characters of a value that is linked; a longer value is unlikely to occur in another session."""


@dataclass(frozen=True, slots=True)
class TagLinks:
    """Links for one tag of an event; empty where there is none."""

    sessions: str
    """The sessions that carry the same value."""
    spotlight: str
    """Tag Spotlight filtered by the value, for tags that RUM metrics are aggregated by."""


@dataclass(frozen=True, slots=True)
class SessionLinks:
    """Addresses of one session's screen with its current arguments."""

    base: str
    """The session's own path."""
    closed: str
    """This page with no event opened."""
    _open_event: str
    _show_event: str
    _dialog_here: str
    _dialog_query: str
    unfolded: frozenset[str]
    _unfold: str

    def open_event(self, span_id: str) -> str:
        """This page with an event opened, scrolled to its row."""
        return f"{self._open_event}{span_id}#e-{span_id}"

    def close_event(self, span_id: str) -> str:
        """This page with no event opened, scrolled to the event's row."""
        return f"{self.closed}#e-{span_id}"

    def show_event(self, span_id: str) -> str:
        """The session with an event opened, whatever kind and page are chosen now."""
        return f"{self._show_event}{span_id}#e-{span_id}"

    def dialog(self, span_id: str) -> str:
        """The APM dialog of an event, as a page of its own."""
        return f"{self.base}/apm/{quote(span_id, safe='')}{self._dialog_query}"

    def dialog_here(self, span_id: str) -> str:
        """This page with the APM dialog of an event open over it."""
        return f"{self._dialog_here}{span_id}"

    def toggle_run(self, key: str) -> str:
        """This page with a run of resources folded, or unfolded if it is folded now."""
        ids = sorted(self.unfolded ^ {key})
        return (f"{self._unfold}{','.join(ids)}" if ids else here(unfold=None)) + f"#r-{key}"

    def tag_links(self, name: str, value: Attribute) -> TagLinks:
        """The links of a tag with this value."""
        text = text_of(value)
        if not 0 < len(text) <= _LONGEST_VALUE or not name.strip():
            return TagLinks("", "")
        tag = {name: text}
        spotlight = filtered("/rum/tags", tag) if name in RUM_TAGS else ""
        return TagLinks(filtered("/rum/sessions", tag, whose="all"), spotlight)


def links_of(session_id: SessionId, unfolded: frozenset[str], args: dict[str, str]) -> SessionLinks:
    """The addresses for the current request; `args` are its query arguments."""
    kept = {name: args.get(name) for name in SESSION_ARGS}
    return SessionLinks(
        base=session_path(session_id),
        closed=here(event=None, apm=None),
        _open_event=open_ended(here(event=None, apm=None), "event"),
        _show_event=open_ended(here(event=None, apm=None, kind=None, page=None), "event"),
        _dialog_here=open_ended(here(apm=None), "apm"),
        _dialog_query=scoped("", **kept),
        unfolded=unfolded,
        _unfold=open_ended(here(unfold=None), "unfold"),
    )
