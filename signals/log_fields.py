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
    severities: _Counts = {}
    services: _Counts = {}
    of_attributes: dict[str, _Counts] = {}
    resources = _Resources(of_attributes)
    for log in logs:
        attributes = log.attributes
        _count(severities, log.severity.value)
        _count(services, log.service)
        resources.count(log.resource, attributes)
        for name, value in attributes.items():
            text = value if type(value) is str else text_of(value)
            if text:
                known = of_attributes.get(name)
                if known is None:
                    known = of_attributes[name] = {}
                known[text] = known.get(text, 0) + 1
    resources.add_up()
    record = ((SEVERITY, severities, True), (SERVICE, services, True))
    all_counts = *record, *((name, counts, False) for name, counts in of_attributes.items())
    found = [
        LogField(name, sum(counts.values()), tuple(Counter(counts).most_common(top)), is_record)
        for name, counts, is_record in all_counts
        if counts
    ]
    return sorted(found, key=lambda each: (-each.count, not each.record, each.name))


_Counts = dict[str, int]
"""How often a field has each text; the empty one counts as none."""


def _count(counts: _Counts, text: str) -> None:
    if text:
        counts[text] = counts.get(text, 0) + 1


class _Shared:
    """The fields of a resource, and how many logs have all of them."""

    def __init__(self, resource: Attributes, counts: dict[str, _Counts]) -> None:
        self.resource = resource  # Kept, so that no other has its id.
        # The resource's service.name is the record's service.
        texts = [(name, text_of(value)) for name, value in resource.items() if name != SERVICE]
        self.fields = [(name, counts.setdefault(name, {}), text) for name, text in texts if text]
        self.names = frozenset([name for name, _, _ in self.fields])
        self.logs = 0


class _Resources:
    """Counts the fields of resources: those that logs share by how many logs there are."""

    def __init__(self, counts: dict[str, _Counts]) -> None:
        """`counts` by the name of a field."""
        self._counts = counts
        self._known: dict[int, _Shared] = {}

    def count(self, resource: Attributes, attributes: Attributes) -> None:
        """Count a resource's fields, less those that the log's attributes have, too."""
        known = self._known.get(id(resource))
        if known is None:
            known = self._known[id(resource)] = _Shared(resource, self._counts)
        if not known.names.isdisjoint(attributes):
            for name, counts, text in known.fields:
                if name not in attributes:
                    counts[text] = counts.get(text, 0) + 1
            return
        if not known.logs:
            # Texts that come equally often are told in the order in which they came.
            for _, counts, text in known.fields:
                counts.setdefault(text, 0)
        known.logs += 1

    def add_up(self) -> None:
        """Add what was counted by logs."""
        for known in self._known.values():
            if known.logs:
                for _, counts, text in known.fields:
                    counts[text] += known.logs
