"""The markup of lessons: paragraphs, `names as on the screen`, **strong** words."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_MARK = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")


def inline(text: str) -> Markup:
    """One paragraph as HTML; everything but the two marks is escaped."""
    parts: list[Markup] = []
    last = 0
    for found in _MARK.finditer(text):
        parts.append(escape(text[last : found.start()]))
        form = Markup("<code>{}</code>") if found[1] else Markup("<strong>{}</strong>")
        parts.append(form.format(found[1] or found[2]))
        last = found.end()
    parts.append(escape(text[last:]))
    return Markup("").join(parts)


def paragraphs(text: str) -> tuple[Markup, ...]:
    """The paragraphs of a text, which are separated by blank lines."""
    return tuple(inline(" ".join(part.split())) for part in re.split(r"\n\s*\n", text) if part.strip())
