"""Fields of logs are counted as if each log were looked at by itself."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from signals.attributes import text_of
from signals.log_fields import SERVICE, SEVERITY, LogField, fields_of
from signals.model import Attribute, Severity


class _Log(NamedTuple):
    severity: Severity
    service: str
    attributes: dict[str, Attribute]
    resource: dict[str, Attribute]


def _one_by_one(logs: Sequence[_Log], top: int) -> list[LogField]:
    counts: dict[tuple[bool, str], Counter[str]] = {}

    def add(record: bool, name: str, text: str) -> None:
        if text:
            counts.setdefault((record, name), Counter())[text] += 1

    for log in logs:
        add(True, SEVERITY, log.severity.value)
        add(True, SERVICE, log.service)
        for name, value in log.resource.items():
            if name != SERVICE and name not in log.attributes:
                add(False, name, text_of(value))
        for name, value in log.attributes.items():
            add(False, name, text_of(value))
    found = [
        LogField(name, each.total(), tuple(each.most_common(top)), record)
        for (record, name), each in counts.items()
    ]
    return sorted(found, key=lambda each: (-each.count, not each.record, each.name))


@pytest.mark.parametrize("seed", range(60))
def test_fields_are_counted_log_by_log(seed: int) -> None:
    """Names of both attributes and resources, values without text, texts that come equally often."""
    draw = random.Random(seed)
    values: tuple[Attribute, ...] = (
        "a",
        "b",
        "",
        None,
        1,
        1.0,
        True,
        "1",
        "true",
        [1, "x"],
        {"k": 2},
        b"\x01",
    )
    names = ("host", "version", SERVICE, SEVERITY, "")

    def some() -> dict[str, Attribute]:
        return {name: draw.choice(values) for name in draw.sample(names, draw.randrange(len(names)))}

    resources = [some() for _ in range(3)]
    logs = [
        _Log(draw.choice(list(Severity)), draw.choice(("", "pay", "shop")), some(), draw.choice(resources))
        for _ in range(draw.randrange(25))
    ]
    assert fields_of(logs, 2) == _one_by_one(logs, 2)
    assert fields_of(iter(logs)) == _one_by_one(logs, 5)
