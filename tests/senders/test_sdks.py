"""Metrics of real SDKs show what their programs measured, over a restart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.helpers import eventually
from tests.senders.conftest import SECOND, Lab
from tests.senders.plans import (
    BOUNDS,
    PAUSE_MS,
    Round,
    bucket_around,
    exponential_base,
    observed,
    rounds,
)
from tests.senders.tools import BUILD_S, PROGRAMS, go_sender, node_sender

# The first test of a machine builds.
pytestmark = pytest.mark.timeout(BUILD_S + 60)

FIRST = rounds(1, (20.0, None, 21.5, 22.25))
SECOND_LIFE = rounds(2, (19.0, 18.5, 18.25))
ALL = [*FIRST, *SECOND_LIFE]
COUNT = sum(len(each.latency) for each in ALL)
SENDERS = ("python", "go", "node")
SHARES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Sent:
    """What a sender's two lives know."""

    sdk: str
    temporality: str
    service: str
    lives: Sequence[Sequence[dict[str, Any]]]

    @property
    def spans(self) -> dict[str, str]:
        """Its traces, each with its span."""
        return {each["trace_id"]: each["span_id"] for life in self.lives for each in life}


def _command(sdk: str) -> list[str]:
    if sdk == "go":
        return [os.fspath(go_sender())]
    if sdk == "node":
        return node_sender()
    return [sys.executable, os.fspath(PROGRAMS / "python" / "main.py")]


def _life(command: Sequence[str], plan: dict[str, Any], of: Sequence[Round]) -> list[dict[str, Any]]:
    result = subprocess.run(
        command,
        input=json.dumps({**plan, "rounds": [each.plain() for each in of]}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    said: list[dict[str, Any]] = json.loads(result.stdout)
    return said


@pytest.fixture(
    name="sent",
    scope="module",
    params=[(sdk, temporality) for sdk in SENDERS for temporality in ("cumulative", "delta")],
    ids=lambda pair: "-".join(pair),
)
def _sent(request: pytest.FixtureRequest, lab: Lab) -> Sent:
    """A sender that ran twice, as a process that was restarted."""
    sdk, temporality = request.param
    command = _command(sdk)
    service = f"{sdk}-{temporality}"
    plan = {
        "endpoint": lab.otlp,
        "service": service,
        "temporality": temporality,
        "bounds": BOUNDS,
        "pause_ms": PAUSE_MS,
    }
    return Sent(sdk, temporality, service, [_life(command, plan, FIRST), _life(command, plan, SECOND_LIFE)])


def test_names_units_kinds_and_descriptions(lab: Lab, sent: Sent) -> None:
    """What a metric is stands as its program declared it."""
    found = {each["name"]: each for each in lab.get("/metrics", service=sent.service)["metrics"]}
    kinds = {
        "sent.orders": ("sum", "{order}", sent.temporality, True),
        "sent.queue": ("sum", "{item}", "cumulative", False),
        "sent.room": ("gauge", "Cel", "unspecified", False),
        "sent.latency": ("histogram", "s", sent.temporality, False),
        "sent.size": ("exponential_histogram", "By", sent.temporality, False),
    }

    assert {
        name: (each["kind"], each["unit"], each["temporality"], each["monotonic"])
        for name, each in found.items()
        if name in kinds
    } == kinds
    assert found["sent.orders"]["description"] == "Orders placed."


def test_a_counter_counts_over_a_restart(lab: Lab, sent: Sent) -> None:
    """Nothing is lost at the reset, nothing counted twice, and no rate is negative or a spike."""
    total = sum(each.orders for each in ALL)
    flushes = [each["flushed_unix_nano"] for life in sent.lives for each in life]

    assert lab.value("sent.orders", sent.service, "sum") == pytest.approx(total)
    lasted_s = (flushes[-1] - flushes[0]) / SECOND
    rate = lab.value("sent.orders", sent.service, "rate")
    # The first increase is put into the interval ahead of the first point.
    assert total / (lasted_s + 2 * PAUSE_MS / 1000) <= rate <= total / lasted_s * 1.05
    window = {"from": flushes[0] - SECOND, "to": flushes[-1] + SECOND}
    [series] = lab.chart("sent.orders", sent.service, "sum", columns=200, **window)["series"]
    rises = [value for _, value in series["points"] if value is not None]
    assert min(rises) >= 0
    assert sum(rises) == pytest.approx(total)
    most = max(each.orders for each in ALL)
    assert max(rises) <= most * 1.01


def test_an_up_down_counter_and_a_gauge_say_what_is_now(lab: Lab, sent: Sent) -> None:
    """The newest value; NaN is a gap, not a number."""
    window = {"from": sent.lives[1][0]["flushed_unix_nano"] - SECOND // 4}
    [queue] = lab.chart("sent.queue", sent.service, "last", columns=1, **window)["series"]
    assert queue["points"][0][1] == sum(each.queue for each in SECOND_LIFE)
    rooms = [each.room for each in ALL if each.room is not None]
    if sent.sdk == "python":
        # That SDK takes no NaN: it says once more what it was told before.
        rooms.insert(1, rooms[0])

    assert lab.value("sent.room", sent.service, "last") == rooms[-1]
    assert lab.value("sent.room", sent.service, "min") == min(rooms)
    assert lab.value("sent.room", sent.service, "max") == max(rooms)
    assert lab.value("sent.room", sent.service, "avg") == pytest.approx(sum(rooms) / len(rooms))


def test_percentiles_of_explicit_buckets_are_within_one_bucket(lab: Lab, sent: Sent) -> None:
    """Of both lives together."""
    values = [value for each in ALL for value in each.latency]

    assert lab.value("sent.latency", sent.service, "count") == pytest.approx(COUNT)
    assert lab.value("sent.latency", sent.service, "sum") == pytest.approx(sum(values))
    assert lab.value("sent.latency", sent.service, "avg") == pytest.approx(sum(values) / COUNT)
    assert lab.value("sent.latency", sent.service, "min") == pytest.approx(min(values))
    assert lab.value("sent.latency", sent.service, "max") == pytest.approx(max(values))
    for word, share in SHARES.items():
        low, high = bucket_around(observed(values, share))
        assert low <= lab.value("sent.latency", sent.service, word) <= high, word


def test_percentiles_of_exponential_buckets_are_within_one_bucket(lab: Lab, sent: Sent) -> None:
    """Of both lives, whose scales may differ."""
    values = [value for each in ALL for value in each.size]
    base = exponential_base(values)

    assert lab.value("sent.size", sent.service, "count") == pytest.approx(COUNT)
    assert lab.value("sent.size", sent.service, "sum") == pytest.approx(sum(values))
    for word, share in SHARES.items():
        truth = observed(values, share)
        assert truth / base <= lab.value("sent.size", sent.service, word) <= truth * base, word


def test_attributes_of_every_type_can_be_grouped_and_filtered_by(lab: Lab, sent: Sent) -> None:
    """As text: lists as JSON, numbers to the last digit."""
    expected = {
        "text": "grüße",
        "whole": "7" if sent.sdk == "node" else "9007199254740993",
        "part": "0.5",
        "flag": "true",
        "texts": '["a","b"]',
        "wholes": "[1,2]",
        "parts": "[0.5,1.5]",
        "flags": "[true,false]",
        "service.version": "1.2.3",
        "otel.scope.name": "sender",
    }
    [series] = lab.chart("sent.orders", sent.service, "sum", by=list(expected))["series"]
    assert series["attributes"] == expected
    for name, value in expected.items():
        assert lab.chart("sent.orders", sent.service, "sum", attr=[f"{name}:{value}"])["series"], name
    assert lab.chart("sent.orders", sent.service, "sum", attr=["text:gruesse"])["series"] == []


def test_exemplars_lead_to_their_trace(lab: Lab, sent: Sent) -> None:
    """From the dot of a chart to the span in which it was measured."""
    if sent.sdk == "node":
        pytest.skip("the SDK for JavaScript sends no exemplars")
    spans = sent.spans
    measured = {value for each in ALL for value in each.latency}
    for name in ("sent.latency", "sent.orders", "sent.size"):
        exemplars = lab.chart(name, sent.service, "rate")["exemplars"]
        assert exemplars, name
        for each in exemplars:
            assert spans[each["trace_id"]] == each["span_id"], name
            if name == "sent.latency":
                assert each["value"] in measured
                assert each["series_attributes"]["route"] == "/a"
    trace_id = lab.chart("sent.latency", sent.service, "p95")["exemplars"][0]["trace_id"]
    trace = eventually(lambda: lab.get(f"/apm/traces/{trace_id}"), "the exemplar's trace", within_s=20)
    assert [span["span_id"] for span in trace["spans"]] == [spans[trace_id]]
