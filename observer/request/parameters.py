"""Reads what a request asks for: windows of time, ids, attributes, limits. Shared by pages and API.

Pure but for the mapping it is given; every refusal is a `Malformed` that names the
parameter, the value and what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from werkzeug.datastructures import MultiDict

from observer.request.errors import Malformed
from signals.model import Severity, SpanId, TraceId
from store.api import Window

_UNITS_NS = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9, "w": 604_800 * 10**9}
_SINCE = re.compile(r"(\d{1,6})\s*([smhdw])")
_HEX = re.compile(r"[0-9a-f]+")
_LATEST_UNIX_NANO = 2**63 - 1
_SHOWN = 80
"""Characters of a refused value that a message repeats."""


def refuse(name: str, value: str, allowed: str) -> Malformed:
    """The error for a parameter that cannot be understood."""
    shown = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    return Malformed(f"{name}={shown!r} cannot be understood.", f"Give {allowed}.")


def duration_ns(text: str, name: str = "since") -> int:
    """Nanoseconds of `90s`, `15m`, `2h`, `7d`, `1w`; more than nothing. Raises Malformed."""
    found = _SINCE.fullmatch(text.strip().lower())
    if not found or int(found[1]) == 0:
        raise refuse(name, text, "a number and a unit, such as 90s, 15m, 2h, 7d or 1w")
    return int(found[1]) * _UNITS_NS[found[2]]


def instant_unix_nano(text: str, name: str) -> int:
    """A moment: nanoseconds since the Unix epoch, or RFC 3339, UTC by default. Raises Malformed."""
    text = text.strip()
    if text.isascii() and text.isdigit() and int(text) <= _LATEST_UNIX_NANO:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        allowed = "nanoseconds since 1970 or a time such as 2026-11-23T14:03:27Z"
        raise refuse(name, text, allowed) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = moment.replace(microsecond=0)
    return max(0, int(whole.timestamp()) * 10**9 + moment.microsecond * 1000)


def trace_id(text: str, name: str = "trace_id") -> TraceId:
    """A trace id of 32 or 16 hexadecimal digits, lower case; 16 digits stay 16. Raises Malformed."""
    lower = text.strip().lower()
    if len(lower) not in (16, 32) or not _HEX.fullmatch(lower) or not lower.strip("0"):
        raise refuse(name, text, "32 hexadecimal digits (or the last 16), not all zero")
    return TraceId(lower)


def span_id(text: str, name: str = "span_id") -> SpanId:
    """A span id of 16 hexadecimal digits, lower case. Raises Malformed."""
    lower = text.strip().lower()
    if len(lower) != 16 or not _HEX.fullmatch(lower) or not lower.strip("0"):
        raise refuse(name, text, "16 hexadecimal digits, not all zero")
    return SpanId(lower)


def spell_attribute(name: str, value: str) -> str:
    """An attribute as `name:value`, as `read_attribute` reads it back, whatever the name holds.

    A colon, a percent sign and outer blanks of the name are percent-encoded; the value stays as it is.
    """
    bare = name.strip()
    head, _, tail = name.partition(bare) if bare else (name, "", "")
    escaped = bare.replace("%", "%25").replace(":", "%3A")
    return f"{quote(head)}{escaped}{quote(tail)}:{value}"


def read_attribute(text: str) -> tuple[str, str] | None:
    """Name and value of `name:value`, split at the first colon; None for what is not written so."""
    name, colon, value = text.partition(":")
    name = unquote(name.strip(), errors="surrogateescape")
    return (name, value) if colon and name else None


class Query:
    """The parameters of one request, read by name; an empty value counts as absent."""

    __slots__ = ("_args", "now_unix_nano")

    def __init__(self, args: MultiDict[str, str], now_unix_nano: int) -> None:
        self._args = args
        self.now_unix_nano = now_unix_nano

    def refuse_others(self, allowed: Iterable[str]) -> None:
        """Raise Malformed if the request has a parameter that is not among these."""
        known = set(allowed)
        for name in self._args:
            if name not in known:
                names = ", ".join(sorted(known)) or "none"
                raise Malformed(
                    f"There is no parameter {name[:_SHOWN]!r} here.", f"Those that there are: {names}."
                )

    def pairs(self) -> Sequence[tuple[str, str]]:
        """Every parameter with each of its values, in order."""
        return list(self._args.items(multi=True))

    def has(self, name: str) -> bool:
        return bool(self._args.get(name))

    def text(self, name: str) -> str | None:
        return self._args.get(name) or None

    def texts(self, name: str) -> Sequence[str]:
        """Every value of a parameter that may be repeated."""
        return [value for value in self._args.getlist(name) if value]

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds. Raises Malformed."""
        text = self._args.get(name)
        if not text:
            return default
        if text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high:
            return int(text)
        raise refuse(name, text, f"a whole number from {low} to {high}")

    def milliseconds_ns(self, name: str) -> int | None:
        """Nanoseconds of a parameter given in milliseconds (fractions allowed), or None. Raises Malformed."""
        text = self._args.get(name)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1e12:
            raise refuse(name, text, "milliseconds, 0 or more")
        return round(value * 1e6)

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        """One of these words, or None where the parameter is absent. Raises Malformed."""
        text = self._args.get(name)
        if not text:
            return None
        if text not in allowed:
            raise refuse(name, text, "one of: " + ", ".join(allowed))
        return text

    def flag(self, name: str) -> bool:
        """`1` or `true` is yes; `0`, `false` and absence are no. Raises Malformed."""
        return self.choice(name, ("1", "true", "0", "false")) in ("1", "true")

    def attributes(self, name: str = "attr") -> Mapping[str, str]:
        """Every `attr=name:value`; of a name that comes twice, the last. Raises Malformed."""
        return dict(self.attribute_pairs(name))

    def attribute_pairs(self, name: str) -> Sequence[tuple[str, str]]:
        """Every `name:value` of a parameter, in order. Raises Malformed."""
        found = []
        for text in self.texts(name):
            pair = read_attribute(text)
            if pair is None:
                raise refuse(
                    name, text, "an attribute's name, a colon and its value, such as enduser.id:anna"
                )
            found.append(pair)
        return found

    def severities(self, name: str = "severity") -> frozenset[Severity]:
        """Severity words, repeated or separated by commas. Raises Malformed."""
        words = {s.value: s for s in Severity}
        found = set()
        for text in self.texts(name):
            for word in text.split(","):
                severity = words.get(word.strip().lower())
                if severity is None:
                    raise refuse(name, text, "severities among " + ", ".join(words))
                found.add(severity)
        return frozenset(found)

    def trace_id(self, name: str = "trace_id") -> TraceId | None:
        text = self.text(name)
        return trace_id(text, name) if text else None

    def span_id(self, name: str = "span_id") -> SpanId | None:
        text = self.text(name)
        return span_id(text, name) if text else None

    def window(self) -> Window | None:
        """The window of `since`, or of `from` and `to`; None if the request names none.

        `from` alone ends now; `to` alone begins with time itself. Raises Malformed.
        """
        since, begin, end = self.text("since"), self.text("from"), self.text("to")
        if since and (begin or end):
            raise Malformed("since cannot be combined with from or to.", "Give either of the two.")
        if since:
            return Window(max(0, self.now_unix_nano - duration_ns(since)), self.now_unix_nano)
        if not begin and not end:
            return None
        first = instant_unix_nano(begin, "from") if begin else 0
        last = instant_unix_nano(end, "to") if end else self.now_unix_nano
        if first >= last:
            raise Malformed("from does not lie before to.", "Exchange the two, or leave one out.")
        return Window(first, last)
