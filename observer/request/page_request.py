"""The page request at hand: its scope, and the reader's theme and time zone, each read once."""

from __future__ import annotations

from datetime import UTC, tzinfo

from flask import g, request

from observer.request import context
from observer.request.errors import Malformed
from observer.request.local_time import zone_of
from observer.request.scope import Scope, parse_scope

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "theme"
ZONE_COOKIE = "zone"
UTC_COOKIE = "utc"


def zone() -> tzinfo:
    """The time zone that the reader's browser put into a cookie, else this machine's; UTC where chosen."""
    if "zone" not in g:
        g.zone = UTC if in_utc() else zone_of(request.cookies.get(ZONE_COOKIE))
    found: tzinfo = g.zone
    return found


def in_utc() -> bool:
    """Whether the reader chose to see times in UTC."""
    return request.cookies.get(UTC_COOKIE) == "1"


def theme() -> str:
    """`auto`, `light` or `dark`."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "auto"


def current_scope() -> Scope:
    """What part of the telemetry this request asks for. Raises Malformed (code `bad_range`)."""
    if "scope" not in g:
        try:
            g.scope = parse_scope(request.args, context.now_unix_nano(), zone())
        except Malformed as error:
            remedy = "Change the time range at the top of the page."
            raise Malformed(error.message, remedy, "bad_range") from error
    found: Scope = g.scope
    return found


def scope_or_default() -> Scope:
    """As `current_scope`, or the default time range where the request's cannot be read: for error pages."""
    try:
        return current_scope()
    except Malformed:
        kept = {"env": request.args.get("env", ""), "live": request.args.get("live", "")}
        return parse_scope(kept, context.now_unix_nano(), zone())
