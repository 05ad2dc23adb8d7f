"""What a typed or pasted text holds: ids in many spellings, a header of a trace, a link to these screens.

Pure.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

LONGEST = 2_048
"""Characters that are read: a link with its filters has some hundred."""
LEAST_DIGITS = 6
"""Fewer digits of an id fit too many ids."""

_AROUND = " \t\r\n\"'`<>()[]{},;"
"""Characters that are easily copied together with an id."""
_UNSEEN = dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF])
_HEX = re.compile(r"[0-9a-f]+")
_TRACEPARENT = re.compile(r"(?<![0-9a-f])[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?![0-9a-f])")
_B3 = re.compile(
    r"(?<![0-9a-f-])([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-[01d](?:-[0-9a-f]{16})?)?(?![0-9a-f-])"
)
_JAEGER = re.compile(
    r"(?<![0-9a-f])([0-9a-f]{16,32}):([0-9a-f]{1,16}):[0-9a-f]{1,16}:[0-9a-f]{1,2}(?![0-9a-f])"
)
_XRAY = re.compile(r"(?<![0-9a-f])1-([0-9a-f]{8})-([0-9a-f]{24})(?![0-9a-f])")
_UUID = re.compile(r"(?<![0-9a-f-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f-])")
_RUN = re.compile(r"(?<![0-9a-z])(?:0x)?([0-9a-f]{32}|[0-9a-f]{16})(?![0-9a-z])")
_BASE64 = re.compile(r"[A-Za-z0-9+/_ -]{11,22}={0,2}")
_PAGE = re.compile(r"/(?:rum|apm|logs|workshop|desk|join|instructor)(?:[/?#]|$)")
"""Where the path of a page of these screens begins: a proxy may put a prefix before it."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True)
class Pasted:
    """A text and what it holds; what it does not hold is empty."""

    typed: str
    """The text without blanks around it and characters that cannot be seen."""
    bare: str
    """The same without quotes and brackets around it."""
    page: str
    """The path and query of a page of these screens; its host is left out."""
    pairs: tuple[tuple[str, str], ...]
    """Ids of a trace and a span that came together in the header of a trace."""
    ids: tuple[str, ...]
    """Whole ids of 32 or 16 digits, in order."""
    digits: str
    """The text as digits of an id, all of it or a part."""


def read(text: str) -> Pasted:
    """What a text holds."""
    typed = text[:LONGEST].translate(_UNSEEN).strip()
    bare = typed.strip(_AROUND)
    lower = bare.lower()
    if "%" in lower:
        lower = f"{lower} {unquote(lower)}"
    digits = lower.removeprefix("0x").replace("-", "")
    if not (_HEX.fullmatch(digits) and LEAST_DIGITS <= len(digits) <= 32 and digits.strip("0")):
        digits = ""
    return Pasted(typed, bare, _page(bare), _pairs(lower), _ids(text[:LONGEST], bare, lower), digits)


def _pairs(lower: str) -> tuple[tuple[str, str], ...]:
    found = [(match[1], match[2]) for form in (_TRACEPARENT, _B3) for match in form.finditer(lower)]
    found += [(match[1].zfill(32), match[2].zfill(16)) for match in _JAEGER.finditer(lower)]
    return tuple(dict.fromkeys((trace.zfill(32), span) for trace, span in found))


def _ids(text: str, bare: str, lower: str) -> tuple[str, ...]:
    found = [match[1] + match[2] for match in _XRAY.finditer(lower)]
    found += [match[0].replace("-", "") for match in _UUID.finditer(lower)]
    found += [match[1] for match in _RUN.finditer(lower)]
    encoded = text.rstrip() if text.startswith(" ") else bare
    found += [found for form in (bare, encoded) if _BASE64.fullmatch(form) for found in _from_base64(form)]
    return tuple(dict.fromkeys(one for one in found if one.strip("0")))


def _from_base64(bare: str) -> list[str]:
    """The id that the plain JSON form of protobuf writes in base64; a plus may have become a blank."""
    standard = bare.rstrip("=").replace("-", "+").replace("_", "/").replace(" ", "+")
    try:
        found = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return []
    return [found.hex()] if len(found) in (8, 16) else []


def _page(bare: str) -> str:
    """The path and query of a link to these screens; empty for any other text."""
    if "/" not in bare or any(blank in bare for blank in " \t\r\n") or _UNSAFE.search(bare):
        return ""
    try:
        parts = urlsplit(bare)
    except ValueError:
        return ""
    if parts.scheme not in ("", "http", "https") or parts.path.startswith("/api/"):
        return ""
    if not parts.netloc and not bare.startswith("/"):
        return ""
    begin = _PAGE.search(parts.path)
    if begin is None:
        return ""
    return parts.path[begin.start() :] + (f"?{parts.query}" if parts.query else "")
