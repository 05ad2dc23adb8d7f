"""Reads JSON of which a few characters, numbers or values are not as the standard has them.

One lone surrogate, one raw control character, one bare NaN or one value that nests without
end must not cost a reader the whole document. Owns no meaning of what is read.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final

import orjson

REPLACEMENT: Final = "\ufffd"
"""Stands where a character was that is none."""
_MAX_DEPTH: Final = 300
"""Below it nothing is read. OTLP nests five levels of JSON for each of its own, of which 32 are allowed."""
_MAX_DIGITS: Final = 400
"""Longer whole numbers are out of every range; Python refuses to read those of more than 4,300."""
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)


class NotJson(ValueError):
    """The text is no JSON document; the message is the reason."""


def loads(body: bytes) -> tuple[object, bool]:
    """(the document, whether its text may hold lone surrogates: see `repaired`). Raises NotJson.

    Bytes that are not UTF-8 become lone surrogates, too. A number that no float holds stays text, and a
    value deeper than 300 levels becomes 0. Of a name that an object has twice, the last counts.
    """
    try:
        return orjson.loads(body), False
    except orjson.JSONDecodeError as error:
        reason = str(error)
    try:
        text = body.decode(json.detect_encoding(body), "surrogateescape")
    except UnicodeDecodeError:
        raise NotJson(reason) from None
    try:
        return _read(_shallow(text)), True
    except (RecursionError, ValueError):
        raise NotJson(reason) from None


def repaired(value: object) -> tuple[object, bool]:
    """(the value with U+FFFD for each lone surrogate, whether there was one)."""
    found = False

    def repair(each: object) -> object:
        nonlocal found
        if isinstance(each, str):
            whole = _SURROGATES.sub(REPLACEMENT, each)
            found = found or (whole is not each and whole != each)
            return whole
        if isinstance(each, list):
            return [repair(one) for one in each]
        if isinstance(each, dict):
            return {repair(name): repair(one) for name, one in each.items()}
        return each

    return repair(value), found


def dumps(document: object) -> bytes:
    """JSON that `loads` reads as the same document, lone surrogates and NaN included. Raises NotJson."""
    if _is_plain(document):
        try:
            return orjson.dumps(document)
        except TypeError:  # a lone surrogate, a whole number beyond 64 bits, or more than 254 levels
            pass
    try:
        return json.dumps(document, separators=(",", ":")).encode()
    except (RecursionError, ValueError, TypeError) as error:
        raise NotJson(str(error)) from error


def _is_plain(document: object) -> bool:
    """Whether no number is one that orjson would write as null. Raises NotJson beyond `_MAX_DEPTH` levels."""
    plain = True
    level: list[object] = [document]
    for _ in range(_MAX_DEPTH + 1):
        below: list[object] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, float):
                plain = plain and math.isfinite(each)
        if not below:
            return plain
        level = below
    raise NotJson(f"it nests deeper than {_MAX_DEPTH}")


def _read(text: str) -> object:
    return json.loads(text, strict=False, parse_int=_whole, parse_float=_number)


def _whole(digits: str) -> int | float | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _number(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _shallow(text: str) -> str:
    """The text with 0 for every list and object that is deeper than `_MAX_DEPTH`."""
    kept, depth, begin = [], 0, 0
    for token in _TOKENS.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
            if depth == _MAX_DEPTH + 1:
                kept.append(text[begin : token.start()] + "0")
        elif mark in "]}":
            if depth == _MAX_DEPTH + 1:
                begin = token.end()
            depth -= 1
    return "".join([*kept, text[begin:]]) if depth <= _MAX_DEPTH else ""
