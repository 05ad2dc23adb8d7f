"""What stands around every page: areas, sections, time range, environment, theme.

A pure view-model of the header. Pages give `area` and `section`; the rest is read
from the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from observer.ui.format import moment
from observer.ui.scope import PRESETS
from observer.ui.scope import SCOPE_KEYS
from observer.ui.scope import Scope

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "theme"
ZONE_COOKIE = "zone"

AREAS = (
    ("home", "Home", "/"),
    ("rum", "RUM", "/rum"),
    ("apm", "APM", "/apm"),
    ("logs", "Logs", "/logs"),
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
    "workshop": (("lesson", "Lesson", "/workshop"), ("instructor", "Instructor", "/instructor")),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One link of a menu."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Chrome:
    """What base.html places around a page."""

    theme: str
    scope: Scope
    here: str
    """This page's own address with its whole query."""
    permalink: str
    """The same with absolute times."""
    areas: tuple[tuple[str, Choice], ...]
    """(name, link) each."""
    ranges: tuple[Choice, ...]
    environments: tuple[Choice, ...]
    live_href: str
    kept: tuple[tuple[str, str], ...]
    """Arguments of this page that the range form must carry along."""
    range_from: str
    """The range's ends as a `datetime-local` field wants them."""
    range_to: str
    zone_name: str


def address(path: str, args: Mapping[str, str | None] | Sequence[tuple[str, str]]) -> str:
    """A path with its query; arguments that are None or empty are left out."""
    pairs = args.items() if isinstance(args, Mapping) else args
    query = urlencode([(k, v) for k, v in pairs if v])
    return f"{path}?{query}" if query else path


def build(
    path: str,
    args: Sequence[tuple[str, str]],
    scope: Scope,
    theme: str,
    environments: Sequence[str],
    area: str,
) -> Chrome:
    """The header of the page at `path` with these query arguments."""
    own = tuple((k, v) for k, v in args if k not in SCOPE_KEYS and k not in {"cursor", "fragment"})

    def at(**changes: str | None) -> str:
        wanted = scope.args()
        if "since" in changes:
            wanted.pop("from", None)
            wanted.pop("to", None)
        for key, value in changes.items():
            wanted.pop(key, None)
            if value:
                wanted[key] = value
        return address(path, [*own, *wanted.items()])

    follow = scope.args()
    areas = ((name, Choice(label, address(href, follow), name == area)) for name, label, href in AREAS)
    names = [*environments]
    if scope.environment and scope.environment not in names:
        names.append(scope.environment)
    return Chrome(
        theme=theme,
        scope=scope,
        here=address(path, args),
        permalink=address(path, [*own, *scope.fixed_args().items()]),
        areas=tuple(areas),
        ranges=tuple(Choice(label, at(since=since), scope.since == since) for since, label in PRESETS),
        environments=(
            Choice("All environments", at(env=None), scope.environment is None),
            *(Choice(name, at(env=name), scope.environment == name) for name in names),
        ),
        live_href=at(since=scope.since or PRESETS[1][0], live="0" if scope.live else None),
        kept=own,
        range_from=_field(scope.window.from_unix_nano, scope),
        range_to=_field(scope.window.to_unix_nano, scope),
        zone_name=moment(scope.now_unix_nano, scope.zone).tzname() or "UTC",
    )


def _field(unix_nano: int, scope: Scope) -> str:
    return moment(unix_nano, scope.zone).strftime("%Y-%m-%dT%H:%M:%S")
