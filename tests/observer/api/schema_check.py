"""Compares a JSON value with a schema of `observer.api.schemas`: enough of JSON Schema for those."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def differences(
    value: Any, schema: dict[str, Any], components: dict[str, Any], at: str = "$"
) -> Iterator[str]:
    """Where the value is not what the schema says, one line each."""
    if "$ref" in schema:
        schema = components[schema["$ref"].rsplit("/", 1)[1]]
    wanted = schema.get("type")
    if wanted is not None:
        names = [wanted] if isinstance(wanted, str) else wanted
        if not any(_is(value, name) for name in names):
            yield f"{at}: {value!r:.60} is not {wanted}"
            return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r:.60} is not among {schema['enum']}"
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        yield f"{at}: {value!r:.60} does not match {schema['pattern']}"
    if isinstance(value, dict):
        yield from _object(value, schema, components, at)
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from differences(item, schema.get("items", {}), components, f"{at}[{i}]")


def _object(
    value: dict[str, Any], schema: dict[str, Any], components: dict[str, Any], at: str
) -> Iterator[str]:
    fields = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}.{name} is missing"
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in fields:
            yield from differences(item, fields[name], components, f"{at}.{name}")
        elif others is False:
            yield f"{at}.{name} is not declared"
        elif isinstance(others, dict):
            yield from differences(item, others, components, f"{at}.{name}")


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool) and name in ("integer", "number"):
        return False
    return isinstance(value, _TYPES[name])
