"""The search form of the list of sessions: what was typed becomes filters of the address. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from observer.lookup.spelling import Sense
from signals.attributes import SEAT
from signals.browser_events import rum_page

Meant = Callable[[str, str], tuple[Sense, str]]
"""For a name and what was typed as its value: the argument to filter by, and the value in it."""

FIELDS = ("seat", "key", "value")
"""The arguments that the form sends."""


@dataclass(frozen=True, slots=True)
class TypedFilters:
    """The content of the form's fields."""

    seat: str | None
    key: str
    value: str

    @property
    def problem(self) -> str:
        """What is missing where only half of a filter was typed, in sentences; empty where nothing is."""
        if self.name_missing:
            return (
                f"Which attribute has the value {self.value}? "
                "Type its name, or choose one of the list, then Find."
            )
        if self.value_missing:
            return f"Which value of {self.key} do you look for? Type it beside the name, then Find."
        return ""

    @property
    def name_missing(self) -> bool:
        """Whether a value was typed without the name of its attribute."""
        return bool(self.value and not self.key)

    @property
    def value_missing(self) -> bool:
        """Whether the name of an attribute was typed without its value."""
        return bool(self.key and not self.value)

    def applied_to(
        self, attributes: Mapping[str, str], like: Mapping[str, str], meant: Meant
    ) -> tuple[dict[str, str], dict[str, str]]:
        """The filters by a value and by a part of one, with those of the form.

        An empty field removes its filter, half a filter is ignored; `meant` tells values from parts.
        """
        found: dict[Sense, dict[str, str]] = {"attr": dict(attributes), "like": dict(like)}
        pairs = [(SEAT, self.seat or "")]
        if self.key and self.value:
            pairs.append((self.key, _as_kept(self.key, self.value.strip())))
        for name, value in pairs:
            for filters in found.values():
                filters.pop(name, None)
            if value.strip():
                sense, text = meant(name, value.strip())
                found[sense][name] = text
        return found["attr"], found["like"]


def _as_kept(key: str, value: str) -> str:
    """What a typed value is kept as: of a page's address its path, ids as `<??>`."""
    if key != "page":
        return value
    return rum_page(value) or value
