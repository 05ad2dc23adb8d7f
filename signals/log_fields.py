"""Fields of logs: how many logs have each, and its most frequent values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from signals.attributes import text_of
from signals.model import Attributes, Severity

SERVICE = "service.name"
SEVERITY = "severity"


@dataclass(frozen=True, slots=True)
class LogField:
    """One field of the logs that match, with its most frequent values, whole."""

    name: str
    count: int
    values: tuple[tuple[str, int], ...]
    record: bool = False
    """The record's own `severity` or `service.name`, not an attribute of that name."""


class LogWithFields(Protocol):
    """What of a log is counted."""

    @property
    def severity(self) -> Severity: ...
    @property
    def service(self) -> str: ...
    @property
    def attributes(self) -> Attributes: ...
    @property
    def resource(self) -> Attributes: ...


def fields_of(logs: Iterable[LogWithFields], top: int = 5) -> list[LogField]:
    """The fields of these logs, most frequent first, then by name; the record's own before attributes.

    A log's attributes win over its resource's. Values are whole: a filter by one finds its logs again.
    """
    fields = _Fields()
    severities, services = fields.of(True, SEVERITY), fields.of(True, SERVICE)
    for log in logs:
        attributes = log.attributes
        _count(severities, log.severity.value)
        _count(services, log.service)
        for name, counts, text in fields.of_resource(log.resource):
            if name not in attributes:
                _count(counts, text)
        for name, value in attributes.items():
            _count(fields.of(False, name), text_of(value))
    found = [
        LogField(name, sum(counts.values()), tuple(Counter(counts).most_common(top)), record)
        for (record, name), counts in fields.counts.items()
        if counts
    ]
    return sorted(found, key=lambda each: (-each.count, not each.record, each.name))


def _count(counts: dict[str, int], text: str) -> None:
    if text:
        counts[text] = counts.get(text, 0) + 1


class _Fields:
    """How often each field has each text."""

    def __init__(self) -> None:
        self.counts: dict[tuple[bool, str], dict[str, int]] = {}
        self._of_resources: dict[int, tuple[Attributes, list[tuple[str, dict[str, int], str]]]] = {}

    def of(self, record: bool, name: str) -> dict[str, int]:
        """The counts of a field."""
        found = self.counts.get((record, name))
        if found is None:
            found = self.counts[record, name] = {}
        return found

    def of_resource(self, resource: Attributes) -> list[tuple[str, dict[str, int], str]]:
        """(name, counts, text) of a resource's attributes, put together once for each that logs share."""
        known = self._of_resources.get(id(resource))
        if known is None:
            # The resource's service.name is the record's service.
            parts = [
                (name, self.of(False, name), text_of(value))
                for name, value in resource.items()
                if name != SERVICE
            ]
            known = self._of_resources[id(resource)] = resource, parts  # Kept, so that no other has its id.
        return known[1]
