"""SVG elements as text: escaped attributes, short numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

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
    head = "".join(_attribute(key, value) for key, value in attributes.items())
    if not children:
        return Markup(f"<{name}{head}/>")  # noqa: S704 - the attributes were escaped
    inner = "".join(str(escape(child)) for child in children)
    return Markup(f"<{name}{head}>{inner}</{name}>")  # noqa: S704 - the children were escaped


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-") if key not in _CAMEL else key
    if value is True:
        return f" {name}"
    text = number(value) if isinstance(value, float) else str(value)
    return f' {name}="{escape(text)}"'


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
    return Markup("").join(children)


def text(x: float, y: float, words: str, **attributes: Attribute) -> Markup:
    """A `<text>` at a point, in units of the viewBox."""
    return element("text", words, x=float(x), y=float(y), **attributes)


def title(words: str) -> Markup:
    """A `<title>`: the tooltip of the element around it."""
    return element("title", words)
