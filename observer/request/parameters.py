"""Query arguments by name and type: ids, attributes, limits, choices. Shared by pages and API.

Every refusal is a `Malformed` that names the parameter, the value and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from urllib.parse import quote, unquote

from werkzeug.datastructures import MultiDict

from observer.request.errors import Malformed, refuse, shortened
from observer.request.time_range import parse_range
from signals.ids import SPAN_ID_FORM, TRACE_ID_FORM, read_span_id, read_trace_id
from signals.model import Severity, SpanId, TraceId
from store.api import Window


def trace_id(text: str, name: str = "trace_id") -> TraceId:
    """A trace id of 32 or 16 hexadecimal digits, lower case; 16 digits stay 16. Raises Malformed."""
    found = read_trace_id(text)
    if found is None:
        raise refuse(name, text, TRACE_ID_FORM)
    return found


def span_id(text: str, name: str = "span_id") -> SpanId:
    """A span id of 16 hexadecimal digits, lower case. Raises Malformed."""
    found = read_span_id(text)
    if found is None:
        raise refuse(name, text, SPAN_ID_FORM)
    return found


def spell_attribute(name: str, value: str) -> str:
    """An attribute as `name:value`, in the form that `read_attribute` reads back.

    A colon, a percent sign and outer blanks of the name are percent-encoded; the value stays as it is.
    """
    bare = name.strip()
    head, _, tail = name.partition(bare) if bare else (name, "", "")
    escaped = bare.replace("%", "%25").replace(":", "%3A")
    return f"{quote(head)}{escaped}{quote(tail)}:{value}"


def read_attribute(text: str) -> tuple[str, str] | None:
    """Name and value of `name:value`, split at the first colon; None if there is no colon or no name."""
    name, colon, value = text.partition(":")
    name = unquote(name.strip(), errors="replace")
    return (name, value) if colon and name else None


class Query:
    """The parameters of one request, read by name; an empty value counts as absent."""

    __slots__ = ("_args", "now_unix_nano")

    def __init__(self, args: MultiDict[str, str], now_unix_nano: int) -> None:
        self._args = args
        self.now_unix_nano = now_unix_nano

    def refuse_unknown(self, allowed: Iterable[str]) -> None:
        """Raise Malformed if the request has a parameter that is not among these."""
        known = set(allowed)
        for name in self._args:
            if name not in known:
                names = ", ".join(sorted(known)) or "none"
                raise Malformed(f"There is no parameter {shortened(name)!r} here.", f"Known here: {names}.")

    def pairs(self) -> Sequence[tuple[str, str]]:
        """Every parameter with each of its values, in order."""
        return list(self._args.items(multi=True))

    def has(self, name: str) -> bool:
        """Whether the parameter is there and not empty."""
        return bool(self._args.get(name))

    def text(self, name: str) -> str | None:
        """The value of a parameter, or None."""
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
        """The window of `since`, or of `from` and `to`; None if the request names none. Raises Malformed.

        Times without an offset are in UTC.
        """
        found = parse_range(self._args, self.now_unix_nano, UTC)
        return found.window if found else None
