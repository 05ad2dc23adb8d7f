"""A real OpenTelemetry Collector in front of ours: its host, a Prometheus endpoint, an SDK behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import yaml  # type: ignore[import-untyped]  # ships no types

from tests.helpers import eventually, free_port
from tests.senders import prometheus_target
from tests.senders.conftest import Lab
from tests.senders.plans import BOUNDS, PAUSE_MS, rounds
from tests.senders.prometheus_target import OBSERVED, SPAN_ID, STEP, TRACE_ID, Target
from tests.senders.tools import BUILD_S, PROGRAMS, otelcol

# The first test of a machine builds.
pytestmark = pytest.mark.timeout(BUILD_S + 60)

JOB = "prometheus-job"


@dataclass(frozen=True)
class Through:
    """The Collector that runs, and what it scrapes."""

    lab: Lab
    otlp: str
    target: Target


def _configuration(lab: Lab, target: str, http: int) -> dict[str, Any]:
    scraping = {"job_name": JOB, "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
    return {
        "receivers": {
            "hostmetrics": {
                "collection_interval": "1s",
                "scrapers": {
                    "cpu": {"metrics": {"system.cpu.logical.count": {"enabled": True}}},
                    "memory": {"metrics": {"system.memory.limit": {"enabled": True}}},
                    "load": {},
                    "network": {},
                    "filesystem": {},
                },
            },
            "otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{http}"}}},
            "prometheus": {"config": {"scrape_configs": [scraping]}},
        },
        "processors": {"batch": {"timeout": "200ms"}},
        "exporters": {"otlphttp": {"endpoint": lab.otlp}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {
                "metrics": {
                    "receivers": ["hostmetrics", "otlp", "prometheus"],
                    "processors": ["batch"],
                    "exporters": ["otlphttp"],
                },
                "traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["otlphttp"]},
            },
        },
    }


@pytest.fixture(name="through", scope="module")
def _through(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Through]:
    """A Collector that scrapes once a second."""
    program, folder, http = otelcol(), tmp_path_factory.mktemp("otelcol"), free_port()
    with prometheus_target.served() as target, (folder / "otelcol.log").open("wb") as log:
        file = folder / "config.yaml"
        file.write_text(yaml.safe_dump(_configuration(lab, target.base_url, http)))
        process = subprocess.Popen(
            [os.fspath(program), "--config", os.fspath(file)], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            eventually(lambda: _known(lab, "system.cpu.time"), "the host's metrics", within_s=60)
            yield Through(lab, f"http://127.0.0.1:{http}", target)
            assert process.poll() is None, (folder / "otelcol.log").read_text()[-2000:]
        finally:
            process.terminate()
            process.wait(20)


def _known(lab: Lab, name: str) -> dict[str, Any]:
    return next((each for each in lab.get("/metrics", q=name)["metrics"] if each["name"] == name), {})


def _last(lab: Lab, name: str, **more: Any) -> float:
    [series] = lab.get(f"/metrics/{name}", agg="last", columns=1, **more)["series"]
    value: float = series["points"][0][1]
    return value


def test_host_metrics_are_those_of_the_host(through: Through) -> None:
    """Memory, disk and load, with their units, against the kernel's own numbers."""
    lab = through.lab
    units = {
        name: _known(lab, name)["unit"]
        for name in ("system.cpu.time", "system.memory.usage", "system.filesystem.usage", "system.network.io")
    }
    assert units == {
        "system.cpu.time": "s",
        "system.memory.usage": "By",
        "system.filesystem.usage": "By",
        "system.network.io": "By",
    }
    assert _last(lab, "system.memory.limit") == psutil.virtual_memory().total
    states = lab.get("/metrics/system.memory.usage", agg="last", columns=1, by="state")["series"]
    assert {"used", "free", "cached"} <= {series["attributes"]["state"] for series in states}
    root = _last(lab, "system.filesystem.usage", attr="mountpoint:/")
    disk = os.statvfs("/")
    assert root == pytest.approx(disk.f_blocks * disk.f_frsize, rel=0.02)
    assert _last(lab, "system.cpu.logical.count") == psutil.cpu_count()


def test_the_load_is_near_to_what_the_kernel_says(through: Through) -> None:
    lab = through.lab
    low, high = 0.0, 0.0

    def is_within() -> bool:
        nonlocal low, high
        now = os.getloadavg()[0]
        low, high = (now, now) if not high else (min(low, now), max(high, now))
        since = lab.get("/metrics/system.cpu.load_average.1m", agg="last", columns=1, since="5s")
        said: float = since["series"][0]["points"][0][1]
        return low * 0.9 - 0.1 <= said <= high * 1.1 + 0.1

    eventually(is_within, "a load that the kernel says, too", within_s=30)


def test_processor_time_passes_as_fast_as_time(through: Through) -> None:
    """All states of all processors together are one second each second."""

    def rate() -> float:
        answer = through.lab.get("/metrics/system.cpu.time", agg="rate", columns=1)
        value = answer["series"][0]["points"][0][1]
        return value if value is not None else 0.0

    processors = psutil.cpu_count() or 1
    eventually(lambda: 0.93 <= rate() / processors <= 1.07, "a second of each processor", within_s=30)


def test_bytes_of_the_network_lie_between_what_the_kernel_said_before_and_after(through: Through) -> None:
    lab = through.lab
    before = psutil.net_io_counters(pernic=True)["lo"].bytes_sent
    loopback = {"attr": ["device:lo", "direction:transmit"]}

    sent = eventually(
        lambda: (now := _last(lab, "system.network.io", **loopback)) > before and now,
        "newer points",
        within_s=30,
    )

    assert before < sent <= psutil.net_io_counters(pernic=True)["lo"].bytes_sent


def test_a_scraped_counter_counts_over_a_reset(through: Through) -> None:
    """A smaller value than before is a restart: it counts from 0. The exemplar names its trace."""
    lab, target = through.lab, through.target
    eventually(lambda: target.is_done, "the last scrape", within_s=60)
    name = next(
        each["name"] for each in lab.get("/metrics", q="jobs_done")["metrics"] if each["kind"] == "sum"
    )

    eventually(
        lambda: lab.value(name, JOB, "sum") == pytest.approx(target.risen() * STEP), "all steps", within_s=20
    )

    [series] = lab.chart(name, JOB, "rate", by="kind")["series"]
    assert series["attributes"] == {"kind": 'a"b'}
    assert min(value for _, value in series["points"] if value is not None) >= 0
    assert _known(lab, name)["description"] == "Jobs that were done."
    exemplar = lab.chart(name, JOB, "rate")["exemplars"][0]
    assert (exemplar["trace_id"], exemplar["span_id"]) == (TRACE_ID, SPAN_ID)


def test_scraped_histogram_summary_and_gauge(through: Through) -> None:
    lab, target = through.lab, through.target
    eventually(lambda: target.is_done, "the last scrape", within_s=60)
    count = target.risen() * len(OBSERVED)
    eventually(
        lambda: lab.value("wait_seconds", JOB, "count") == pytest.approx(count), "the histogram", within_s=20
    )

    assert lab.value("wait_seconds", JOB, "sum") == pytest.approx(target.risen() * sum(OBSERVED))
    assert 0.1 <= lab.value("wait_seconds", JOB, "p50") <= 0.5
    assert 0.5 <= lab.value("wait_seconds", JOB, "p90") <= 1.0
    assert lab.value("size_bytes", JOB, "p50") == 0.25
    assert lab.value("size_bytes", JOB, "p99") == 1.75
    assert lab.value("heat_celsius", JOB, "max") == 20 + prometheus_target.SCRAPES - 1
    assert lab.value("heat_celsius", JOB, "min") == 20


def test_a_series_that_is_not_scraped_any_more_ends(through: Through) -> None:
    """Its last point says that nothing was recorded: no value stands after it."""
    lab, target = through.lab, through.target
    eventually(lambda: target.is_done, "the last scrape", within_s=60)

    answer = lab.chart("present", JOB, "count", by="who", columns=1)["series"]

    counts = {series["attributes"]["who"]: series["points"][0][1] for series in answer}
    assert counts["b"] == prometheus_target.GONE_AT
    assert counts["a"] > counts["b"]


def test_an_sdk_behind_the_collector_keeps_its_exemplars_and_its_trace(through: Through) -> None:
    plan = {
        "endpoint": through.otlp, "service": "behind", "temporality": "cumulative", "bounds": BOUNDS,
        "pause_ms": PAUSE_MS, "rounds": [each.plain() for each in rounds(3, (20.0, 21.0))],
    }  # fmt: skip
    eventually(lambda: requests.get(through.otlp, timeout=5).status_code, "OTLP of the Collector")
    result = subprocess.run(
        [sys.executable, os.fspath(PROGRAMS / "python" / "main.py")],
        input=json.dumps(plan), capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    spans = {each["trace_id"]: each["span_id"] for each in json.loads(result.stdout)}
    lab = through.lab

    found = eventually(
        lambda: lab.chart("sent.latency", "behind", "p95")["exemplars"], "exemplars", within_s=20
    )

    assert all(spans[each["trace_id"]] == each["span_id"] for each in found)
    trace = eventually(lambda: lab.get(f"/apm/traces/{found[0]['trace_id']}"), "its trace", within_s=20)
    assert trace["spans"][0]["service"] == "behind"


@pytest.mark.parametrize("name", ["agent.yaml", "forward.yaml", "gateway.yaml"])
def test_the_configurations_that_we_ship_are_ones_that_it_can_run(name: str, tmp_path: Path) -> None:
    """`otelcol validate`, of what the parts that we build suffice for."""
    file = Path(__file__).resolve().parents[2] / "deploy" / "otelcol" / name

    result = subprocess.run(
        [os.fspath(otelcol()), "validate", "--config", os.fspath(file)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert result.returncode == 0, result.stderr[-1000:]
