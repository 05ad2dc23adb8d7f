"""Addresses within the observer that keep the reader's time range, environment and filters."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import quote, quote_plus

from flask import request

from observer.request.page_request import scope_or_default
from observer.request.parameters import read_attribute, spell_attribute
from observer.request.time_range import RANGE_KEYS

_PLAIN_METRIC = re.compile(r"[A-Za-z_][\w.:-]*", re.ASCII)
_LONGEST_IN_ADDRESS = 2_000
"""Bytes of a name in an address: some proxies take no more than 4,000 of all of it."""
_LONGEST_KEPT = 120
"""Characters of a text whose quoted form is kept."""
_UNSAFE_IN_PATHS = re.compile(r"[/\\\x00-\x1f\x7f]")


def address(path: str, args: Mapping[str, str | None] | Sequence[tuple[str, str]]) -> str:
    """A path with its query; arguments that are None or empty are left out."""
    pairs = args.items() if isinstance(args, Mapping) else args
    query = _query(pairs)
    return f"{path}?{query}" if query else path


def extended(base: str, args: Mapping[str, str]) -> str:
    """An address with further arguments: those that many addresses share are put together once."""
    return f"{base}{'&' if '?' in base else '?'}{_query(args.items())}"


def _query(pairs: Iterable[tuple[str, str | None]]) -> str:
    # Templates give numbers, too.
    return "&".join([f"{_quoted(key)}={_quoted(str(value))}" for key, value in pairs if value])


def _quoted(text: str) -> str:
    """A name or a value as it stands in a query. A page has a hundred addresses of the same few words."""
    if len(text) > _LONGEST_KEPT:
        return quote_plus(text, errors="replace")
    return _kept_quoted(text)


@lru_cache(maxsize=2_000)
def _kept_quoted(text: str) -> str:
    return quote_plus(text, errors="replace")


def scoped(path: str, **args: str | None) -> str:
    """An address that keeps the reader's time range and environment.

    Arguments given here win (`from_` stands for `from`); those that are None or empty are left out.
    """
    kept: dict[str, str | None] = dict(scope_or_default().args())
    if "from_" in args:
        args["from"] = args.pop("from_")
    if args.keys() & set(RANGE_KEYS):
        for key in RANGE_KEYS:
            kept.pop(key, None)
    return address(path, {**kept, **args})


def unbounded(path: str, **args: str | None) -> str:
    """As `scoped`, without the time range: everything that an id belongs to."""
    kept = {name: value for name, value in scope_or_default().args().items() if name not in RANGE_KEYS}
    return address(path, {**kept, **args})


def filtered(
    path: str, attributes: Mapping[str, str], like: Mapping[str, str] | None = None, **args: str | None
) -> str:
    """As `scoped`, with these attributes as repeated `attr=name:value`, and parts as `like=name:part`."""
    kept = {**scope_or_default().args(), **args}
    pairs = [(k, v) for k, v in kept.items() if v]
    pairs += [("attr", spell_attribute(k, v)) for k, v in attributes.items()]
    return address(path, [*pairs, *(("like", spell_attribute(k, v)) for k, v in (like or {}).items())])


def service_url(name: str) -> str:
    """The address of a service's page.

    Names that a browser or a server would change in a path (`..`, slashes, line breaks)
    go by query instead.
    """
    if name.strip(". -") and not _UNSAFE_IN_PATHS.search(name) and name == name.strip():
        return scoped(f"/apm/services/{quote(name, safe='')}")
    return scoped("/apm/services/-", name=name)


def metric_path(name: str) -> tuple[str, dict[str, str]]:
    """The path of a metric's page, and the arguments that go with it.

    A name that a path cannot hold goes by the argument `name`, as that of a service does; one that is too
    long for an address by `digest`.
    """
    if _PLAIN_METRIC.fullmatch(name) and len(name) <= _LONGEST_IN_ADDRESS:
        return f"/metrics/{quote(name)}", {}
    if len(quote(name, errors="replace")) <= _LONGEST_IN_ADDRESS:
        return "/metrics/-", {"name": name}
    return "/metrics/-", {"digest": metric_digest(name)}


def metric_api_path(name: str) -> str:
    """The path of a metric in the API, below its prefix; slashes stay."""
    return f"/metrics/{quote(name, safe='/', errors='replace')}"


def metric_digest(name: str) -> str:
    """What stands in an address for a name that is too long for one."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]


def metric_url(
    name: str, attributes: Mapping[str, str] | None = None, args: Mapping[str, str] | None = None
) -> str:
    """The address of a metric's page, which keeps the reader's time range, with these filters.

    `unit` is a blank for a stream without one, as an empty argument counts as absent.
    """
    path, named = metric_path(name)
    return filtered(path, attributes or {}, None, **{**named, **(args or {})})


def own_path() -> str:
    """The path of this page, quoted as an address needs it: an id in it may hold `?`, `#` or `%`."""
    return quote(request.path, safe="/:@!$&'()*+,;=~")


def here(**changes: str | None) -> str:
    """This page's address with some arguments changed, or left out where None; lists begin at their start."""
    return here_at(own_path(), **changes)


def here_at(path: str, **changes: str | None) -> str:
    """As `here`, at another path that has the same filters. `from_` stands for `from`."""
    changes = {("from" if k == "from_" else k): v for k, v in changes.items()}
    pairs = _own_pairs(lambda name, _: name in changes or name == "cursor")
    return address(path, [*pairs, *((k, v) for k, v in changes.items() if v)])


def with_attribute(attribute: str, value: str) -> str:
    """This page's address filtered by `attr=name:value`, in place of another value of that name."""
    pairs = _own_pairs(
        lambda name, text: name in ("cursor", "log") or (name == "attr" and _names(text, attribute))
    )
    return address(own_path(), [*pairs, ("attr", spell_attribute(attribute, value))])


def without_value(attribute: str, value: str) -> str:
    """This page's address filtered by one more `exclude=name:value`."""
    pair = (attribute, value)
    pairs = _own_pairs(
        lambda name, text: name in ("cursor", "log") or (name == "attr" and read_attribute(text) == pair)
    )
    return address(own_path(), [*pairs, ("exclude", spell_attribute(attribute, value))])


def without_filter(attribute: str) -> str:
    """This page's address less one filter: an argument of that name, or one in `attr` or `like`."""
    pairs = _own_pairs(
        lambda name, text: (
            name in (attribute, "cursor") or (name in ("attr", "like") and _names(text, attribute))
        )
    )
    return address(own_path(), pairs)


def open_ended(base: str, name: str) -> str:
    """An address that ends in `name=`: a page with thousands of links appends only their values."""
    return f"{base}{'&' if '?' in base else '?'}{name}="


def _own_pairs(dropped: Callable[[str, str], bool]) -> list[tuple[str, str]]:
    """This request's arguments, in order, less those for which `dropped(name, value)` holds."""
    return [(k, v) for k, v in request.args.items(multi=True) if not dropped(k, v)]


def _names(spelled: str, attribute: str) -> bool:
    pair = read_attribute(spelled)
    return pair is not None and pair[0] == attribute
