"""Attribute values as text, numbers and flags, and the few names that everyone reads.

The floor that `signals.semantics` and `signals.browser_events` stand on; knows no meaning beyond
a single attribute and its older spellings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import orjson

from signals.model import Attribute, Attributes

ENVIRONMENT_NAMES: Final = ("deployment.environment.name", "deployment.environment", "environment")
_FALSE: Final = frozenset({"", "0", "false"})


def text_of(value: Attribute) -> str:
    """The text form of an attribute value, the one that searches compare with.

    Booleans are `true` and `false`, whole floats lose their `.0`, bytes are
    hexadecimal, lists and maps are JSON, and nothing is empty.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, bytes):
        return value.hex()
    return orjson.dumps(value, default=_json_fallback, option=orjson.OPT_NON_STR_KEYS).decode()


def _json_fallback(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def number_of(value: Attribute) -> float | None:
    """The number that an attribute holds, be it a number or text; None if it holds none."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return None
        return number if math.isfinite(number) else None
    return None


def is_truthy(value: Attribute) -> bool:
    """Whether a flag is set, however its sender wrote it: not empty, 0, false or the like."""
    if isinstance(value, str):
        return value.strip().lower() not in _FALSE
    return bool(value)


def first_of(attributes: Attributes, names: tuple[str, ...]) -> str:
    """The text of the first of these attributes that is there and not empty, or nothing."""
    for name in names:
        text = text_of(attributes.get(name))
        if text:
            return text
    return ""


def http_status_of(attributes: Attributes) -> int | None:
    """The HTTP status, new or old spelling, number or text; None where there is none."""
    for name in ("http.response.status_code", "http.status_code"):
        number = number_of(attributes.get(name))
        if number is not None and 0 <= number < 1000:
            return int(number)
    return None


def http_method_of(attributes: Attributes) -> str:
    """The HTTP method, new or old spelling, or nothing."""
    return first_of(attributes, ("http.request.method", "http.method"))


def url_of(attributes: Attributes) -> str:
    """The full URL, new or old spelling, else the path, or nothing."""
    return first_of(attributes, ("url.full", "http.url", "url.path", "http.target"))


def environment_of(tags: Attributes, resource: Attributes | None = None) -> str:
    """The deployment environment under any of its names, or nothing."""
    return first_of(tags, ENVIRONMENT_NAMES) or (first_of(resource, ENVIRONMENT_NAMES) if resource else "")
