"""Attributes that a search names and nothing has, said where the search found nothing."""

from __future__ import annotations

from collections.abc import Iterable

from observer.components.safe_text import plain
from store.api import Reader

_LONGEST = 60


def never_seen_words(reader: Reader, names: Iterable[str]) -> str:
    """One sentence; empty where something has each of these attributes, or that is not known."""
    found = [plain(name, _LONGEST) for name in reader.never_seen(names)]
    if not found:
        return ""
    which = "an attribute" if len(found) == 1 else "attributes"
    named = " or ".join(found)
    return f"Nothing in the store, in any time range, has {which} called {named}: check the spelling."
