"""Attribute values as text, numbers and flags, and the attributes that several modules read.

`signals.semantics` and `signals.browser_events` build on it; knows no meaning beyond
a single attribute and its older spellings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Final

import orjson

from signals.model import Attribute, Attributes

ENVIRONMENT_NAMES: Final = ("deployment.environment.name", "deployment.environment", "environment")
UNKNOWN_SERVICE: Final = "unknown_service"
"""The service of telemetry that names none, as OpenTelemetry's SDKs call it."""
SEAT: Final = "enduser.id"
"""The name by which a user of the shop is found again."""
SYNTHETIC: Final = "user_agent.synthetic.type"
"""Present in traffic of programs, in any value."""
SYNTHETIC_DECLARED: Final = "test"
"""The value of SYNTHETIC with which a browser driven by a program declares itself."""
_FALSE: Final = frozenset({"", "0", "false"})


def text_of(value: Attribute) -> str:
    """The text form of an attribute value, which searches compare with.

    Booleans are `true` and `false`, whole floats lose their `.0`, those that are not finite are
    `NaN`, `Infinity` and `-Infinity`, bytes are hexadecimal, lists and maps are JSON, and None is
    the empty text.
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
        if not math.isfinite(value):
            return _not_finite(value)
        # Beyond 10**15 a float's integer has digits that were never measured.
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, bytes):
        return value.hex()
    return json_text(plain_of(value))


def plain_of(value: Attribute) -> Attribute:
    """The value as JSON can hold it: bytes are hexadecimal, and NaN and the infinities are text.

    `NaN`, `Infinity` and `-Infinity` are OTLP's words; null is left to values that are not there.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else _not_finite(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str | int) or value is None:
        return value
    if isinstance(value, Mapping):
        return {name: plain_of(each) for name, each in value.items()}
    return [plain_of(each) for each in value]


def plain_attributes(attributes: Attributes) -> Attributes:
    """Attributes as JSON can hold them: see `plain_of`."""
    if all(isinstance(value, str | int) for value in attributes.values()):
        return attributes
    return {name: plain_of(value) for name, value in attributes.items()}


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def json_text(value: object) -> str:
    """Compact JSON of plain data, however deep."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # orjson takes neither integers beyond 64 bits nor lone surrogates nor 255 levels.
        return json.dumps(value, separators=(",", ":"), default=str)


def number_of(value: Attribute) -> float | None:
    """The number that an attribute holds, as a number or as text; None if it is not a finite number."""
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
    """Whether a flag is set, as a boolean, number or text: not empty, `0` or `false` in any case."""
    if isinstance(value, str):
        return value.strip().lower() not in _FALSE
    return bool(value)


def first_of(attributes: Attributes, names: tuple[str, ...]) -> str:
    """The text of the first of these attributes that is present and not empty, else empty."""
    for name in names:
        text = text_of(attributes.get(name))
        if text:
            return text
    return ""


def http_status_of(attributes: Attributes) -> int | None:
    """The HTTP status, new or old spelling, number or text; None without one."""
    for name in ("http.response.status_code", "http.status_code"):
        number = number_of(attributes[name]) if name in attributes else None
        if number is not None and 0 <= number < 1000:
            return int(number)
    return None


def http_method_of(attributes: Attributes) -> str:
    """The HTTP method, new or old spelling, else empty."""
    return first_of(attributes, ("http.request.method", "http.method"))


def url_of(attributes: Attributes) -> str:
    """The full URL, new or old spelling, else the path, else empty."""
    return first_of(attributes, ("url.full", "http.url", "url.path", "http.target"))


def environment_of(tags: Attributes, resource: Attributes | None = None) -> str:
    """The deployment environment under any of its names, else empty."""
    return first_of(tags, ENVIRONMENT_NAMES) or (first_of(resource, ENVIRONMENT_NAMES) if resource else "")
