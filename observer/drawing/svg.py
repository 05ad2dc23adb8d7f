"""SVG elements as text: escaped attributes, short numbers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from markupsafe import Markup, escape

_UNSAFE: Final = re.compile("[&<>\"']").search

Attribute = str | int | float | bool | None


def number(value: float) -> str:
    """A coordinate to a tenth of a unit, without a trailing zero."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def element(name: str, /, *children: Markup | str, **attributes: Attribute) -> Markup:
    """One element; `class_` is `class`, other underscores become hyphens.

    Attributes that are None or False are left out, True stands alone; text children
    are escaped, Markup is taken as it is.
    """
    head = "".join([_attribute(key, value) for key, value in attributes.items()])
    if not children:
        return Markup(f"<{name}{head}/>")  # noqa: S704 - the attributes were escaped
    inner = "".join([child if type(child) is Markup else escape(child) for child in children])
    return Markup(f"<{name}{head}>{inner}</{name}>")  # noqa: S704 - the children were escaped


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = _NAMES.get(key) or _name_of(key)
    if value is True:
        return f" {name}"
    if isinstance(value, float):
        return f' {name}="{number(value)}"'
    if isinstance(value, int) or not _UNSAFE(value):
        # Most need no escaping, and a drawing has hundreds.
        return f' {name}="{value}"'
    return f' {name}="{escape(str(value))}"'


def _name_of(key: str) -> str:
    name = key if key in _CAMEL else key.rstrip("_").replace("_", "-")
    if len(_NAMES) < _MOST_NAMES:
        _NAMES[key] = name
    return name


_NAMES: dict[str, str] = {}
_MOST_NAMES = 200


_CAMEL = frozenset(
    {
        "viewBox",
        "preserveAspectRatio",
        "markerWidth",
        "markerHeight",
        "refX",
        "refY",
        "textLength",
        "lengthAdjust",
    }
)


def group(children: Iterable[Markup], **attributes: Attribute) -> Markup:
    """A `<g>` with these children."""
    return element("g", joined(children), **attributes)


def joined(children: Iterable[Markup]) -> Markup:
    """Elements one after another."""
    inner = "".join([child if type(child) is Markup else escape(child) for child in children])
    return Markup(inner)  # noqa: S704 - the children were escaped


def text(x: float, y: float, words: str, **attributes: Attribute) -> Markup:
    """A `<text>` at a point, in units of the viewBox."""
    return element("text", words, x=float(x), y=float(y), **attributes)


def title(words: str) -> Markup:
    """A `<title>`: the tooltip of the element around it."""
    return element("title", words)
