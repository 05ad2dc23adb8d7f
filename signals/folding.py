"""Text as people search for it: case, Unicode's forms and what cannot be seen make no difference.

Pure. Every search that looks for a part of a text folds both sides with this one function.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_UNSEEN: Final = dict.fromkeys(
    [0x00AD, 0x034F, 0x061C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
)
"""Soft hyphens, joiners and marks of direction: copied along unseen, and nobody types them."""
_DOTTED_I: Final = "i\u0307"
_DOTLESS_I: Final = "\u0131"


def fold(text: str) -> str:
    """The text without differences that a reader does not mean.

    Composed and decomposed, full-width and narrow, `ß` and `ss` are alike, and so are the four
    letters i of Turkish. A NUL is a blank: indexes and SQL end a text there.
    """
    if text.isascii():
        return text.lower().replace("\0", " ")
    seen = unicodedata.normalize("NFKC", text.translate(_UNSEEN))
    folded = unicodedata.normalize("NFKC", seen.casefold())
    return folded.replace(_DOTTED_I, "i").replace(_DOTLESS_I, "i").replace("\0", " ")


def is_simple(text: str) -> bool:
    """Whether folding changes nothing but the case of ASCII letters."""
    return text.isascii() and "\0" not in text
