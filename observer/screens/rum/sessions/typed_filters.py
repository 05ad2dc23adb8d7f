"""The search form of the list of sessions: what was typed becomes filters of the address. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from signals.attributes import SEAT
from signals.browser_events import rum_page

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

    def applied_to(self, attributes: Mapping[str, str]) -> dict[str, str]:
        """The filters with those of the form; an empty field removes the filter, half a filter is ignored."""
        found = dict(attributes)
        pairs = [(SEAT, self.seat or "")]
        if self.key and self.value:
            pairs.append((self.key, _as_kept(self.key, self.value.strip())))
        for name, value in pairs:
            found.pop(name, None)
            if value.strip():
                found[name] = value.strip()
        return found


def _as_kept(key: str, value: str) -> str:
    """What a typed value is kept as: of a page's address its path, ids as `<??>`."""
    if key != "page":
        return value
    return rum_page(value) or value
