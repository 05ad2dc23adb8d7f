"""The header of every page as a view-model: areas, time range, environment, live switch, theme. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypedDict

from observer.request.links import address
from observer.request.local_time import field_text, moment
from observer.request.scope import PRESETS, SCOPE_KEYS, Scope
from observer.request.time_range import end_as_field, is_reversed, nearby_ranges, range_args

AREAS = (
    ("home", "Home", "/"),
    ("rum", "RUM", "/rum"),
    ("apm", "APM", "/apm"),
    ("logs", "Logs", "/logs"),
    ("metrics", "Metrics", "/metrics"),
    ("alerts", "Alerts", "/alerts"),
    ("workshop", "Workshop", "/workshop"),
)
SECTIONS: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "rum": (
        ("overview", "Overview", "/rum"),
        ("tags", "Tag Spotlight", "/rum/tags"),
        ("sessions", "Sessions", "/rum/sessions"),
    ),
    "apm": (
        ("map", "Service map", "/apm"),
        ("services", "Services", "/apm/services"),
        ("tags", "Tag Spotlight", "/apm/tags"),
        ("traces", "Traces", "/apm/traces"),
    ),
    "workshop": (("lesson", "Lesson", "/workshop"), ("desk", "Desk", "/desk")),
}


_DATED = frozenset({"home", "rum", "apm", "logs", "metrics", "alerts"})
"""Areas whose pages say as of when they are."""
_NARROWED_CHARACTERS = 160
_ATTRIBUTES = frozenset({"attr"})
_CARRIED: Mapping[str, frozenset[str]] = {
    "rum": _ATTRIBUTES,
    "apm": frozenset({"service", "attr", "error", "operation", "exact"}),
}
"""Filters that the tabs of an area keep for each other, beside the scope."""
_APPLIED: Mapping[str, frozenset[str]] = {
    "/rum": frozenset({"attr", "whose"}),
    "/rum/tags": frozenset({"attr", "whose"}),
    "/rum/sessions": frozenset({"attr", "whose"}),
    "/apm": frozenset({"service"}),
    "/apm/services": frozenset(),
    "/apm/tags": frozenset({"service", "attr", "whose"}),
    "/apm/traces": frozenset({"service", "attr", "error", "operation", "exact"}),
    "/logs": frozenset({"service", "attr"}),
    "/metrics": frozenset({"service"}),
}
"""Which filters a page applies; the others it keeps for the next, and says so."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One link of a menu."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class PageHeader:
    """What base.html places around a page."""

    theme: str
    scope: Scope
    here: str
    """This page's own address with its whole query."""
    permalink: str
    """The same with absolute times."""
    areas: tuple[tuple[str, Choice], ...]
    """(name, link) each."""
    sections: tuple[tuple[str, Choice], ...]
    """(name, link) of the area's tabs, which keep the filters of this page."""
    not_applied: str
    """What of the filters does not narrow this page, in a sentence; empty if all do."""
    as_of: str
    """What follows the time at which the page was drawn; empty on a page of a fixed range, or of none."""
    ranges: tuple[Choice, ...]
    environments: tuple[Choice, ...]
    live_href: str
    kept: tuple[tuple[str, str], ...]
    """(name, value) arguments of this page that the range form keeps as hidden fields."""
    range_from: str
    """The range's ends as values of `datetime-local` fields."""
    range_to: str
    range_step: str
    """Seconds of the fields' least step: milliseconds only where the range has some."""
    exchange_href: str
    """For a range that ends before it begins, the address with its ends exchanged; else empty."""
    steps: tuple[Choice, ...]
    """Other ranges near this one: earlier, later, narrower, wider."""
    zone_name: str
    zone_offset_min: int
    """Minutes that the shown times are ahead of UTC: a browser compares them with its own zone."""


class _Range(TypedDict):
    range_from: str
    range_to: str
    range_step: str
    exchange_href: str


def build(
    path: str,
    args: Sequence[tuple[str, str]],
    scope: Scope,
    theme: str,
    environments: Sequence[str],
    area: str,
    *,
    bad_range: bool = False,
) -> PageHeader:
    """The header of the page at `path` with these query arguments.

    With `bad_range` the range fields keep what was typed: the scope is then the default one.
    """
    own = tuple((k, v) for k, v in args if k not in SCOPE_KEYS and k not in {"cursor", "fragment"})

    def at(**changes: str | None) -> str:
        changed = scope.args()
        if "since" in changes:
            changed.pop("from", None)
            changed.pop("to", None)
        for key, value in changes.items():
            changed.pop(key, None)
            if value:
                changed[key] = value
        return address(path, [*own, *changed.items()])

    here = moment(scope.now_unix_nano, scope.zone)
    nearby = [(label, range_args(each)) for label, each in nearby_ranges(scope.window, scope.now_unix_nano)]
    return PageHeader(
        theme=theme,
        scope=scope,
        here=address(path, args),
        permalink=address(path, [*own, *scope.fixed_args().items()]),
        areas=_areas(scope, area),
        as_of=_as_of(scope, area),
        sections=_sections(args, scope, area),
        not_applied=_not_applied(path, args, scope),
        ranges=tuple(Choice(label, at(since=since), scope.since == since) for since, label in PRESETS),
        environments=tuple(
            Choice(name or "All environments", at(env=name), scope.environment == name)
            for name in _choices(environments, scope.environment)
        ),
        live_href=at(since=scope.since or PRESETS[1][0], live="0" if scope.live else None),
        kept=own,
        **_range(path, args, own, scope, bad_range),
        steps=tuple(Choice(label, at(since=None, live=None, **found), False) for label, found in nearby),
        zone_name=here.tzname() or "UTC",
        zone_offset_min=round((here.utcoffset() or timedelta()).total_seconds() / 60),
    )


def _areas(scope: Scope, area: str) -> tuple[tuple[str, Choice], ...]:
    links = ((name, label, address(href, scope.args())) for name, label, href in AREAS)
    return tuple((name, Choice(label, href, name == area)) for name, label, href in links)


def _as_of(scope: Scope, area: str) -> str:
    if scope.since is None or area not in _DATED:
        return ""
    return ", live" if scope.live else ", paused"


def _sections(args: Sequence[tuple[str, str]], scope: Scope, area: str) -> tuple[tuple[str, Choice], ...]:
    carried = [pair for pair in args if pair[0] in _CARRIED.get(area, ())]
    return tuple(
        (name, Choice(label, address(href, [*scope.args().items(), *carried]), False))
        for name, label, href in SECTIONS.get(area, ())
    )


def _not_applied(path: str, args: Sequence[tuple[str, str]], scope: Scope) -> str:
    applied = _APPLIED.get(path)
    if applied is None:
        return ""
    sentences = []
    if scope.whose in ("people", "synthetic") and "whose" not in applied:
        sentences.append("This page counts people's and synthetic traffic together.")
    kept = [value for name, value in args if name in ("attr", "service", "error") and name not in applied]
    if kept:
        names = ", ".join(kept)
        sentences.append(f"It is not narrowed by {names[:_NARROWED_CHARACTERS]}: the other tabs are.")
    return " ".join(sentences)


def _choices(environments: Sequence[str], chosen: str | None) -> list[str | None]:
    """None for all, then those in the store, and the chosen one even if it is not among them."""
    return [None, *environments, *([chosen] if chosen and chosen not in environments else [])]


def _range(
    path: str,
    args: Sequence[tuple[str, str]],
    own: Sequence[tuple[str, str]],
    scope: Scope,
    bad: bool,
) -> _Range:
    typed = dict(args)
    first, last = typed.get("from", ""), typed.get("to", "")
    if bad and (first or last):
        swapped = [*own, ("from", last), ("to", first)]
        if scope.environment:
            swapped.append(("env", scope.environment))
        return _Range(
            range_from=end_as_field(first, scope.zone),
            range_to=end_as_field(last, scope.zone),
            range_step="0.001" if "." in first + last else "1",
            exchange_href=address(path, swapped) if is_reversed(typed, scope.zone) else "",
        )
    begin, end = (
        field_text(moment(t, scope.zone), scope.exact)
        for t in (scope.window.from_unix_nano, scope.window.to_unix_nano)
    )
    return _Range(
        range_from=begin, range_to=end, range_step="0.001" if scope.exact else "1", exchange_href=""
    )
