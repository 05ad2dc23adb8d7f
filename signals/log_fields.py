"""Fields of logs: how many logs have each, and its most frequent values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from signals.attributes import text_of
from signals.model import Log

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


def fields_of(logs: Iterable[Log], top: int = 5) -> list[LogField]:
    """The fields of these logs, most frequent first, then by name; the record's own before attributes.

    A log's attributes win over its resource's. Values are whole: a filter by one finds its logs again.
    """
    values: dict[tuple[bool, str], Counter[str]] = {}
    for log in logs:
        for record, name, text in _texts(log):
            if text:
                values.setdefault((record, name), Counter())[text] += 1
    found = [
        LogField(name, sum(counter.values()), tuple(counter.most_common(top)), record)
        for (record, name), counter in values.items()
    ]
    return sorted(found, key=lambda each: (-each.count, not each.record, each.name))


def _texts(log: Log) -> Iterator[tuple[bool, str, str]]:
    """(whether it is the record's own, name, text) of each field."""
    yield True, SEVERITY, log.severity.value
    yield True, SERVICE, log.service
    for name, value in {**log.resource, **log.attributes}.items():
        # The resource's service.name is the record's service, which was yielded above.
        if name != SERVICE or name in log.attributes:
            yield False, name, text_of(value)
