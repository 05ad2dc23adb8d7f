"""What logs carry: their fields, how many have each, and the most frequent values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from store.model import Log
from store.model import LogField
from store.semantics import text_of

_MAX_CHARACTERS = 256


def fields_of(logs: Iterable[Log], top: int = 5) -> list[LogField]:
    """The fields of these logs, most frequent first, then by name; a log's own win over its resource's."""
    values: dict[str, Counter[str]] = {}
    for log in logs:
        fields = {
            **log.resource,
            **log.attributes,
            "severity": log.severity.value,
            "service.name": log.service,
        }
        for name, value in fields.items():
            text = text_of(value)
            if text:
                values.setdefault(name, Counter())[text[:_MAX_CHARACTERS]] += 1
    found = [
        LogField(name, sum(counter.values()), tuple(counter.most_common(top)))
        for name, counter in values.items()
    ]
    return sorted(found, key=lambda log_field: (-log_field.count, log_field.name))
