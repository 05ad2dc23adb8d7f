"""Fields of logs: the panel with their most frequent values, and those that hold a searched text. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from observer.components.number_format import plural
from signals.attributes import text_of
from signals.log_fields import SERVICE, SEVERITY, LogField
from signals.model import Log

LINKED_CHARACTERS = 1_000
"""A longer value is shown but not linked: addresses have a maximal length."""
FIELDS_LIMIT = 120
"""Fields in the panel; rarer ones are counted."""
_SUGGESTED_FIELDS = 60
_SUGGESTED_VALUES = 3
_SUGGESTED_CHARACTERS = 60
"""Fields, values of each and characters of a value that are suggested while a filter is typed."""
_LONGEST_SUGGESTION = 120
_MATCHES_LIMIT = 5
_ARGUMENTS = {SERVICE: "service", SEVERITY: "severity"}


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One value of a field, and how many logs carry it."""

    text: str
    count: int
    share: float
    """Of the field's count, 0 to 1."""
    linked: bool
    """Whether it fits into an address."""


@dataclass(frozen=True, slots=True)
class PanelField:
    """One field with its most frequent values."""

    name: str
    glyph: str
    """`#` for numbers, `a` for text."""
    count: int
    values: tuple[FieldValue, ...]
    argument: str
    """The argument that filters by a value: `service`, `severity`, or `attr`."""

    @property
    def in_record(self) -> bool:
        """Whether it is a field of the record rather than an attribute."""
        return self.argument != "attr"

    @property
    def excludable(self) -> bool:
        """Whether a value can be left out by a link."""
        return self.argument != "severity"


@dataclass(frozen=True, slots=True)
class FieldPanel:
    """The panel of fields."""

    fields: tuple[PanelField, ...]
    cut: bool
    """Only the newest logs were counted: a filter finds more."""
    counted: str
    """How many logs the fields were counted in, in words; empty for none."""
    left_out: str
    """How many fields are not listed, in a sentence; empty if all are."""


def field_panel(fields: Sequence[LogField], *, cut: bool) -> FieldPanel:
    """The most frequent fields, those of the record first; `cut` if only the newest logs were read."""
    shown = panel_fields(fields)
    more = len(fields) - FIELDS_LIMIT
    return FieldPanel(
        fields=shown,
        cut=cut,
        counted=f"of {'the newest ' if cut else ''}{plural(logs_counted(fields), 'log')}" if shown else "",
        left_out=f"{plural(more, 'rarer field')} not listed." if more > 0 else "",
    )


def panel_fields(fields: Sequence[LogField]) -> tuple[PanelField, ...]:
    """The FIELDS_LIMIT most frequent fields, those of the record first."""
    most = sorted(fields, key=lambda field: (-field.count, field.name))[:FIELDS_LIMIT]
    return tuple(_panel_field(field) for field in sorted(most, key=lambda field: not field.record))


def logs_counted(fields: Sequence[LogField]) -> int:
    """How many logs these fields were counted in: every log has a severity."""
    return sum(field.count for field in fields if field.record and field.name == SEVERITY)


def _panel_field(field: LogField) -> PanelField:
    return PanelField(
        name=field.name,
        glyph="#" if field.values and all(_is_number(value) for value, _ in field.values) else "a",
        count=field.count,
        values=tuple(
            FieldValue(
                text, number, number / field.count, bool(field.name) and len(text) <= LINKED_CHARACTERS
            )
            for text, number in field.values
        ),
        argument=_ARGUMENTS.get(field.name, "attr") if field.record else "attr",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def suggestions(fields: Sequence[PanelField]) -> tuple[str, ...]:
    """Conditions `name = value` that are suggested while a filter is typed."""
    found = [
        f"{field.name} = {value.text}"
        for field in fields[:_SUGGESTED_FIELDS]
        for value in field.values[:_SUGGESTED_VALUES]
        if len(value.text) <= _SUGGESTED_CHARACTERS and value.text.isprintable()
    ]
    return tuple(text for text in found if len(text) <= _LONGEST_SUGGESTION)


@dataclass(frozen=True, slots=True)
class MatchingField:
    """A field whose value contains the searched text."""

    name: str
    value: str
    logs: str
    """How many logs, in words."""


def matching_fields(logs: Sequence[Log], text: str) -> tuple[MatchingField, ...]:
    """The fields of these logs that contain a text, upper or lower case alike, most frequent first."""
    sought = text.strip().strip('"').casefold()
    counts: Counter[tuple[str, str]] = Counter()
    for log in logs:
        for name, value in {**log.resource, **log.attributes}.items():
            shown = text_of(value)
            if sought and name and len(shown) <= LINKED_CHARACTERS and sought in shown.casefold():
                counts[(name, shown)] += 1
    return tuple(
        MatchingField(name, value, plural(number, "log"))
        for (name, value), number in counts.most_common(_MATCHES_LIMIT)
    )
