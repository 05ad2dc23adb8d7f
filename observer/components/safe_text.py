"""Telemetry is hostile text: these functions make it safe to show.

Markup is escaped, control and direction-changing characters are made visible, and text
that is too long is cut with a notice of how much is missing. Pure.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from signals.attributes import text_of
from signals.model import Attribute

VALUE_LIMIT = 2_000
"""Characters of one value shown in a table."""
LINE_LIMIT = 240
"""Characters of one value shown on one line."""
ROWS_LIMIT = 200
"""Attributes of one thing shown in a table."""
SHORT = 20
"""Characters of a value that never wraps: a version, a tenant, a host. Longer ones may."""
_UNCUT = 30
"""Characters of an operation's name that every column has room for."""
_TAIL_LIMIT = 36
"""Characters of an operation's end that are kept where its beginning is cut."""

_NAME = re.compile(r"[\w./-]+", re.ASCII)
_KEPT = {"\n", "\t"}


def odd(character: str) -> bool:
    """Whether a character is invisible or misleading: control, format, unassigned."""
    if character in _KEPT:
        return False
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _is_clear(text: str) -> bool:
    """Whether no character of it is odd; `isprintable` answers for nearly every text, and fast."""
    return text.isprintable() or not any(odd(c) for c in set(text))


def plain(value: Attribute, limit: int = LINE_LIMIT) -> str:
    """One line of text for attributes and titles: odd characters as `⟨U+202E⟩`, cut with `…`."""
    text = text_of(value)
    cut = text[:limit]
    line = cut
    if not cut.isprintable():
        line = "".join(f"⟨U+{ord(c):04X}⟩" if odd(c) else " " if c in _KEPT else c for c in cut)
    return line + "…" if len(text) > limit else line


def visible(value: Attribute, limit: int = VALUE_LIMIT) -> Markup:
    """The value as HTML: isolated in direction, odd characters named, cut with a notice."""
    text = text_of(value)
    body = _named(text[:limit])
    if len(text) > limit:
        body += Markup(' <span class="cut">… {:,} more characters not shown</span>').format(len(text) - limit)
    return Markup(f"<bdi>{body}</bdi>")  # noqa: S704 - the body was escaped


def typed(value: Attribute, limit: int = VALUE_LIMIT) -> Markup:
    """As `visible`, and what its text does not tell is said: nothing, empty, bytes, no finite number."""
    kind = _kind_of(value)
    if not kind:
        return visible(value, limit)
    words = Markup('<span class="soft">{}</span>').format(kind)
    return words if not text_of(value) or value in ([], {}) else visible(value, limit) + Markup(" ") + words


def _kind_of(value: Attribute) -> str:
    if value is None:
        return "null"
    if isinstance(value, float) and not math.isfinite(value):
        return "number"
    if isinstance(value, bytes):
        return f"{len(value):,} bytes, hexadecimal" if value else "empty bytes"
    if isinstance(value, str):
        return "" if value else "empty text"
    if isinstance(value, Mapping):
        return "" if value else "empty map"
    if isinstance(value, Sequence):
        return "" if value else "empty list"
    return ""


def line(value: Attribute, limit: int = LINE_LIMIT) -> Markup:
    """As `visible`, on one line: line breaks become `⏎`."""
    text = text_of(value)
    cut = text[:limit].replace("\r\n", "\n").replace("\n", " ⏎ ")
    body = _named(cut)
    if len(text) > limit:
        body += Markup('<span class="cut" title="{:,} more characters">…</span>').format(len(text) - limit)
    return Markup(f"<bdi>{body}</bdi>")  # noqa: S704 - the body was escaped


def whole(value: Attribute, limit: int = LINE_LIMIT) -> Markup:
    """As `line`, and without wrapping where it is short: `v350.10` must not look like `v350.1` and `0`."""
    shown = line(value, limit)
    return Markup('<span class="nowrap">{}</span>').format(shown) if len(text_of(value)) <= SHORT else shown


def dotted(name: str, limit: int = LINE_LIMIT) -> Markup:
    """An attribute's name on one line, which may wrap after a dot or an underscore but not in a word."""
    if len(name) > limit or not _NAME.fullmatch(name):
        return line(name, limit)
    parts = re.split(r"(?<=[._/])(?=\w)", name)
    return Markup(f"<bdi>{'<wbr>'.join(parts)}</bdi>")  # noqa: S704 - letters, digits, dots, strokes


def ends(name: str) -> tuple[str, str]:
    """An operation split into its elidable prefix and its distinguishing suffix: `/shop.Carts`, `/GetCart`.

    The suffix is empty where none is short enough to be kept whole, or where odd characters occur.
    """
    if not _is_clear(name):
        return name, ""
    if len(name) <= _UNCUT:
        return "", name
    at = max(name.rfind(mark, 0, len(name) - 1) for mark in "/.:")
    return (name[:at], name[at:]) if at > 0 and len(name) - at <= _TAIL_LIMIT else (name, "")


def _named(text: str) -> Markup:
    if _is_clear(text):
        return escape(text)
    parts: list[str] = []
    run: list[str] = []
    for character in text:
        if odd(character):
            parts.append(str(escape("".join(run))))
            run.clear()
            name = unicodedata.name(character, "control character")
            parts.append(f'<span class="ctl" title="{escape(name)}">U+{ord(character):04X}</span>')
        else:
            run.append(character)
    parts.append(str(escape("".join(run))))
    return Markup("".join(parts))  # noqa: S704  # every part was escaped above
