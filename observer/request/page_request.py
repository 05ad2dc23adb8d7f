"""The request, read once: its scope, its theme, the reader's time zone, addresses that keep the scope."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from urllib.parse import quote

from flask import current_app, g, request

from observer.components import page_header
from observer.components.number_format import zone_of
from observer.request import context, scope as scopes
from observer.request.errors import Malformed
from observer.request.parameters import read_attribute, spell_attribute
from observer.request.scope import Scope
from store.api import StoreError

_ENVIRONMENTS_FOR_NS = 5_000_000_000
_ENVIRONMENTS_KEPT = 64


def zone() -> tzinfo:
    """The reader's time zone, as their browser said it, else this machine's."""
    if "zone" not in g:
        g.zone = zone_of(request.cookies.get(page_header.ZONE_COOKIE))
    found: tzinfo = g.zone
    return found


def theme() -> str:
    """`auto`, `light` or `dark`."""
    wanted = request.cookies.get(page_header.THEME_COOKIE, "")
    return wanted if wanted in page_header.THEMES else "auto"


def current_scope() -> Scope:
    """What part of the telemetry this request asks for. Raises Malformed."""
    if "scope" not in g:
        try:
            g.scope = scopes.parse(request.args, context.now_unix_nano(), zone())
        except scopes.BadScope as error:
            raise Malformed(
                str(error), "Change the time range at the top of the page.", "bad_range"
            ) from error
    found: Scope = g.scope
    return found


def _scope_or_default() -> Scope:
    """For error pages too, whose own address may be the error."""
    try:
        return current_scope()
    except Malformed:
        kept = {"env": request.args.get("env", ""), "live": request.args.get("live", "")}
        return scopes.parse(kept, context.now_unix_nano(), zone())


def scoped(path: str, **args: str | None) -> str:
    """An address within this application that keeps the reader's time range and environment.

    Arguments given here win; those that are None or empty are left out.
    """
    wanted: dict[str, str | None] = dict(_scope_or_default().args())
    if "from_" in args:
        args["from"] = args.pop("from_")
    if {"from", "to", "since"} & args.keys():
        for key in ("from", "to", "since"):
            wanted.pop(key, None)
    return page_header.address(path, {**wanted, **args})


def own_path() -> str:
    """The path of this page as an address has it: an id in it may hold `?`, `#` or `%`."""
    return quote(request.path, safe="/:@!$&'()*+,;=~")


_UNSAFE_IN_PATHS = re.compile(r"[/\\\x00-\x1f\x7f]")


def service_url(name: str) -> str:
    """The address of a service's page.

    Names that a browser or a server would change in a path (`..`, slashes, line breaks)
    go by query instead.
    """
    if name.strip(". -") and not _UNSAFE_IN_PATHS.search(name) and name == name.strip():
        return scoped(f"/apm/services/{quote(name, safe='')}")
    return scoped("/apm/services/-", name=name)


def here(**changes: str | None) -> str:
    """This page's address with some arguments changed, or left out where None; pages of lists begin anew."""
    return here_at(own_path(), **changes)


def here_at(path: str, **changes: str | None) -> str:
    """As `here`, at another path: the same filters seen otherwise. `from_` stands for `from`."""
    changes = {("from" if k == "from_" else k): v for k, v in changes.items()}
    pairs = [(k, v) for k, v in request.args.items(multi=True) if k not in changes and k != "cursor"]
    return page_header.address(path, [*pairs, *((k, v) for k, v in changes.items() if v)])


def more(attribute: str, value: str) -> str:
    """This page's address with one more `attr=name:value`, in place of another of that name."""
    pairs = [
        (k, v)
        for k, v in request.args.items(multi=True)
        if k not in ("cursor", "log") and not (k == "attr" and _names(v, attribute))
    ]
    return page_header.address(own_path(), [*pairs, ("attr", spell_attribute(attribute, value))])


def left_out(attribute: str, value: str) -> str:
    """This page's address with one more `exclude=name:value`."""
    pairs = [
        (k, v)
        for k, v in request.args.items(multi=True)
        if k not in ("cursor", "log") and not (k == "attr" and read_attribute(v) == (attribute, value))
    ]
    return page_header.address(own_path(), [*pairs, ("exclude", spell_attribute(attribute, value))])


def filtered(path: str, attributes: Mapping[str, str], **args: str | None) -> str:
    """As `scoped`, with these attributes as repeated `attr=name:value`."""
    wanted = {**_scope_or_default().args(), **args}
    pairs = [(k, v) for k, v in wanted.items() if v]
    return page_header.address(
        path, [*pairs, *(("attr", spell_attribute(k, v)) for k, v in attributes.items())]
    )


def without(attribute: str) -> str:
    """This page's address less one filter, be it `attr=name:value` or an argument of that name."""
    pairs = [
        (k, v)
        for k, v in request.args.items(multi=True)
        if k not in (attribute, "cursor") and not (k == "attr" and _names(v, attribute))
    ]
    return page_header.address(own_path(), pairs)


def _names(spelled: str, attribute: str) -> bool:
    pair = read_attribute(spelled)
    return pair is not None and pair[0] == attribute


def open_ended(address: str, name: str) -> str:
    """An address to which the value of one more argument is simply added: quicker than one by one."""
    return f"{address}{'&' if '?' in address else '?'}{name}="


def _environments(scope: Scope) -> Sequence[str]:
    """Those seen in the scope; asked again every few seconds, as every page shows them."""
    kept: dict[str, tuple[int, Sequence[str]]] = current_app.extensions.setdefault("environments", {})
    name = scope.since or str(scope.window)
    now = context.now_unix_nano()
    if name in kept and 0 <= now - kept[name][0] < _ENVIRONMENTS_FOR_NS:
        return kept[name][1]
    try:
        found = context.reader().environments(scope.window)
    except StoreError:
        return ()
    if len(kept) >= _ENVIRONMENTS_KEPT:
        kept.clear()
    kept[name] = (now, found)
    return found


def header(area: str = "") -> page_header.Chrome:
    """What base.html places around the page; never fails for want of data."""
    try:
        scope, bad_range = current_scope(), False
    except Malformed:
        scope, bad_range = _scope_or_default(), True
    environments = _environments(scope)
    arguments = list(request.args.items(multi=True))
    return page_header.build(own_path(), arguments, scope, theme(), environments, area, bad_range=bad_range)
