"""The addresses that the rows of one session's page complete with an id of their own.

Made once per page: a page has hundreds of rows, and building a query string for each is slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from observer.request.links import filtered, here, open_ended, scoped
from signals.attributes import text_of
from signals.browser_events import RUM_TAGS
from signals.model import Attribute, SessionId

_KEPT = ("kind", "page", "unfold")
"""What of a session's page its dialog carries along, so that the way back shows the same."""


_LONGEST_VALUE = 200
"""Characters of a value that a link is made of; what is longer is hardly shared by another session."""


@dataclass(frozen=True, slots=True)
class Ways:
    """Where one tag of an event leads; empty where it leads nowhere."""

    sessions: str
    """The sessions that carry the same value."""
    spotlight: str
    """Tag Spotlight narrowed to it, for tags that RUM metrics are summed up by."""


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses around one session's page."""

    base: str
    """The session's own path."""
    closed: str
    """This page with no event opened."""
    _opening: str
    _going: str
    _apm_here: str
    _apm_query: str
    unfolded: frozenset[str]
    _unfolding: str

    def opens(self, span_id: str) -> str:
        """This page with an event opened."""
        return f"{self._opening}{span_id}#e-{span_id}"

    def shuts(self, span_id: str) -> str:
        """This page with nothing opened, where the event's row stands."""
        return f"{self.closed}#e-{span_id}"

    def leads(self, span_id: str) -> str:
        """The session with an event opened, whatever kind and page are chosen here."""
        return f"{self._going}{span_id}#e-{span_id}"

    def apm(self, span_id: str) -> str:
        """The dialog over an event, as a page of its own."""
        return f"{self.base}/apm/{quote(span_id, safe='')}{self._apm_query}"

    def apm_here(self, span_id: str) -> str:
        """This page with the dialog open over it."""
        return f"{self._apm_here}{span_id}"

    def twists(self, key: str) -> str:
        """This page with a run of rows folded, or unfolded if it is not."""
        ids = sorted(self.unfolded ^ {key})
        return (f"{self._unfolding}{','.join(ids)}" if ids else here(unfold=None)) + f"#r-{key}"

    def ways(self, name: str, value: Attribute) -> Ways:
        """Where a tag with this value leads."""
        text = text_of(value)
        if not 0 < len(text) <= _LONGEST_VALUE or not name.strip():
            return Ways("", "")
        tag = {name: text}
        spotlight = filtered("/rum/tags", tag) if name in RUM_TAGS else ""
        return Ways(filtered("/rum/sessions", tag, whose="all"), spotlight)


def links_of(session_id: SessionId, unfolded: frozenset[str], args: dict[str, str]) -> Links:
    """The addresses around the page of this request; `args` are its query arguments."""
    base = f"/rum/sessions/{quote(session_id, safe='')}"
    kept = {name: args.get(name) for name in _KEPT}
    return Links(
        base=base,
        closed=here(event=None, apm=None),
        _opening=open_ended(here(event=None, apm=None), "event"),
        _going=open_ended(here(event=None, apm=None, kind=None, page=None), "event"),
        _apm_here=open_ended(here(apm=None), "apm"),
        _apm_query=scoped("", **kept),
        unfolded=unfolded,
        _unfolding=open_ended(here(unfold=None), "unfold"),
    )


def back(session_id: SessionId, span_id: str, args: dict[str, str]) -> str:
    """From the dialog's own page to where its session was read."""
    kept = {name: args.get(name) for name in _KEPT}
    return scoped(f"/rum/sessions/{quote(session_id, safe='')}", event=span_id, **kept) + f"#e-{span_id}"
