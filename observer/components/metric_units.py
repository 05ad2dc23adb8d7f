"""Units of metrics as people write them: from UCUM, and from what senders write instead. Pure.

`By/s` is `1.2 MB/s`, `s` is `3.4 ms` where small, `{request}` is `12 requests`, `%` is `12.5 %`. What is not
understood stands after the number as the sender wrote it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from observer.components.number_format import NOTHING, duration
from observer.components.safe_text import plain
from store.api import MetricAggregation

Scale = Literal["time", "bytes", "bits", "percent", "number"]
"""How a value is written: with a prefix that fits its size, or as it is."""

_SHOWN: Final = 24
"""Characters of a unit that is not understood."""
_TIMES: Final[Mapping[str, tuple[float, str]]] = {
    "ns": (1, "nanoseconds"),
    "us": (1e3, "microseconds"),
    "µs": (1e3, "microseconds"),
    "ms": (1e6, "milliseconds"),
    "s": (1e9, "seconds"),
    "sec": (1e9, "seconds"),
    "min": (60e9, "minutes"),
    "h": (3600e9, "hours"),
    "d": (86_400e9, "days"),
}
_SIZES: Final[Mapping[str, tuple[float, str]]] = {
    **{"By": (1, "bytes"), "B": (1, "bytes"), "byte": (1, "bytes")},
    **{
        "kBy": (1e3, "kilobytes"),
        "KBy": (1e3, "kilobytes"),
        "kB": (1e3, "kilobytes"),
        "KB": (1e3, "kilobytes"),
    },
    **{
        "MBy": (1e6, "megabytes"),
        "MB": (1e6, "megabytes"),
        "GBy": (1e9, "gigabytes"),
        "GB": (1e9, "gigabytes"),
    },
    **{"KiBy": (2**10, "kibibytes"), "KiB": (2**10, "kibibytes"), "MiBy": (2**20, "mebibytes")},
    **{"MiB": (2**20, "mebibytes"), "GiBy": (2**30, "gibibytes"), "GiB": (2**30, "gibibytes")},
}
_LONG_NAMES: Final[Mapping[str, str]] = {
    **{"seconds": "s", "second": "s", "milliseconds": "ms", "millisecond": "ms", "microseconds": "us"},
    **{"nanoseconds": "ns", "minutes": "min", "hours": "h", "days": "d", "bytes": "By", "Bytes": "By"},
    **{"kilobytes": "kBy", "megabytes": "MBy", "percent": "%", "ratio": "1", "bits": "bit", "celsius": "Cel"},
}
"""What Prometheus and others write, as UCUM."""
_SIGNS: Final[Mapping[str, tuple[str, str]]] = {
    "Cel": ("°C", "degrees Celsius"),
    "[degF]": ("°F", "degrees Fahrenheit"),
    "Hz": ("Hz", "hertz"),
    "J": ("J", "joules"),
    "W": ("W", "watts"),
    "V": ("V", "volts"),
    "A": ("A", "amperes"),
    "m": ("m", "metres"),
    "g": ("g", "grams"),
    "K": ("K", "kelvins"),
}
_ANNOTATION: Final = re.compile(r"\{([^{}]*)\}")
_QUOTIENT: Final = re.compile(r"([^/]+)/([^/]+)")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z_. -]*")


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit, with the ways to write a value in it."""

    words: str
    """`seconds`, `requests per second`; empty for a number without a unit."""
    scale: Scale
    factor: float
    """Nanoseconds, bytes or bits of one of it; 1 of others."""
    suffix: str
    """What follows a value, with its blank: ` requests/s`, ` °C`; empty for none."""
    per: str = ""
    """What follows a value that has a prefix of its own: `/s`."""
    one: str = ""
    """What follows a 1, where that is another word: ` request`."""

    def text(self, value: float | None) -> str:
        """The value with its unit: `3.4 ms`, `1.2 MB/s`, `12 requests`; a dash for None."""
        return self._written(value, self.suffix)

    def axis(self, value: float) -> str:
        """As `text`, short enough for an axis: without the words of what is counted."""
        return self._written(value, self.suffix if len(self.suffix) <= _AXIS_SUFFIX else "")

    def _written(self, value: float | None, suffix: str) -> str:
        if value is None or math.isnan(value):
            return NOTHING
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        if self.scale == "time":
            return duration_text(value * self.factor) + self.per
        if self.scale == "bytes":
            return _prefixed(value * self.factor, "B") + self.per
        if self.scale == "bits":
            return _prefixed(value * self.factor, "bit") + self.per
        return number_text(value) + (self.one if value == 1 and self.one and suffix else suffix)


_AXIS_SUFFIX: Final = 4


def unit_of(unit: str, agg: MetricAggregation | None = None) -> Unit:
    """A metric's unit; with an aggregation, that of its values: per second of a rate, none of a count."""
    if agg == "count":
        return Unit("", "number", 1, "")
    found = _read(unit.strip())
    return _per_second(found) if agg == "rate" else found


def _per_second(of: Unit) -> Unit:
    if of.scale == "number":
        words = f"{of.words} per second" if of.words else "per second"
        return replace(of, words=words, suffix=f"{of.suffix}/s", one="")
    return replace(of, words=f"{of.words} per second", per=f"{of.per}/s")


def _read(unit: str) -> Unit:
    unit = _LONG_NAMES.get(unit, unit)
    if unit in ("", "1"):
        return Unit("", "number", 1, "")
    if unit == "%":
        return Unit("percent", "percent", 1, " %")
    if unit in _TIMES:
        factor, words = _TIMES[unit]
        return Unit(words, "time", factor, "")
    if unit in _SIZES:
        factor, words = _SIZES[unit]
        return Unit(words, "bytes", factor, "")
    if unit in ("bit", "kbit", "Mbit", "Gbit"):
        return Unit("bits", "bits", {"b": 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit[0]], "")
    if unit in _SIGNS:
        sign, words = _SIGNS[unit]
        return Unit(words, "number", 1, f" {sign}")
    if quotient := _QUOTIENT.fullmatch(unit):
        return _quotient(quotient[1], quotient[2])
    return _counted(unit)


def _quotient(above: str, below: str) -> Unit:
    of, by = _read(above.strip()), _read(below.strip())
    if below in _TIMES and of.scale != "percent":
        singular = _TIMES[below][1].removesuffix("s")
        words = f"{of.words} per {singular}".strip()
        return replace(of, words=words, suffix=f"{of.suffix}/{below}", per=f"/{below}", one="")
    name = _singular(by.words) or plain(below, _SHOWN)
    words = f"{of.words} per {name}".strip()
    return replace(of, words=words, suffix=f"{of.suffix} per {name}", per=f" per {name}", one="")


def _counted(unit: str) -> Unit:
    """`{request}`, `By{heap}`, `packets`: what is counted; anything else as it was written."""
    if annotation := _ANNOTATION.fullmatch(unit):
        inner = annotation[1].strip()
        if not inner or inner == "1":
            return Unit("", "number", 1, "")
        name = plain(inner.replace("_", " "), _SHOWN)
        words = _plural(name) if _WORD.fullmatch(name) else name
        return Unit(words, "number", 1, f" {words}", one=f" {name}")
    bare = _ANNOTATION.sub("", unit).strip()
    if bare != unit and bare:
        return _read(bare)
    words = plain(unit, _SHOWN)
    return Unit(words, "number", 1, f" {words}")


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    if word.endswith(("ch", "sh", "x", "ss")):
        return f"{word}es"
    return word if word.endswith("s") else f"{word}s"


def _singular(words: str) -> str:
    if words.endswith("ies"):
        return f"{words[:-3]}y"
    return words.removesuffix("s")


def duration_text(ns: float) -> str:
    """As `duration`, also of less than a nanosecond and of more than a year."""
    if 0 < abs(ns) < 1:
        return f"{_digits(ns)} ns"
    return duration(ns) if abs(ns) < 1e18 else f"{_digits(ns / 86_400e9)} d"


def number_text(value: float) -> str:
    """`1,234`, `0.25`, `1.5 million`, `1.2e-07`: three digits, but whole numbers below a million in full."""
    size = abs(value)
    if size >= 1e15 or (0 < size < 1e-4):
        return _digits(value)
    for least, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if size >= least * (1 - 5e-7):
            return f"{_digits(value / least)} {word}"
    if value == int(value) or size >= 1000:
        return f"{value:,.0f}"
    return _digits(value)


def _prefixed(value: float, unit: str) -> str:
    """In powers of 1000: `1.2 MB`, `-3 kB`."""
    size = abs(value)
    for prefix in ("", "k", "M", "G", "T", "P"):
        if size < 999.5 or prefix == "P":
            return f"{_digits(math.copysign(size, value)) if size else '0'} {prefix}{unit}"
        size /= 1000
    return NOTHING


def _digits(value: float) -> str:
    """Three significant digits, no trailing zeros."""
    if 99.95 <= abs(value) < 1e6:
        return f"{value:,.0f}"
    return f"{value:.3g}".replace("e+", "e")
