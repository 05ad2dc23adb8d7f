"""The walkers against the real shop: every service in one process, nothing faked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.common.seat import Shopper
from tests.frontend.mesh import Mesh, shop
from tests.helpers import REPO, eventually, required_in_ci
from tests.loadgen.test_student import student


@pytest.fixture(scope="module")
def _mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    folder = Path(os.environ.get("HIPSTERLAB_WEB_DIR") or Path(sys.prefix) / "web")
    if not (folder / "splunk-otel-web.js").is_file():
        required_in_ci(f"the RUM agent is not installed in {folder}: run `python3 -m lab up` once")
    with shop(tmp_path_factory.mktemp("shop"), folder) as running:
        yield running


@pytest.fixture
def mesh(_mesh: Mesh) -> Mesh:
    """The module's shop without faults."""
    _mesh.set_flags()
    eventually(lambda: not misspelt(_mesh), "the flags are off")
    return _mesh


def misspelt(mesh: Mesh) -> bool:
    return bool(student(mesh.url)[1]["script_errors"])


def test_in_a_healthy_shop_the_total_shown_is_the_total_paid(mesh: Mesh) -> None:
    code, report = student(mesh.url, "--seat", "anna", "--quantity", "3")
    assert code == 0
    assert report["checkout"]["status"] == 200
    assert report["checkout"]["order_id"]
    assert report["order_total"] == report["checkout"]["total_paid"]
    assert report["script_errors"] == []


def test_the_failing_checkout_is_walked_and_found_again(mesh: Mesh) -> None:
    mesh.set_flags(cart_price_typo=True, payment_invalid_token=1.0)
    eventually(lambda: misspelt(mesh), "the flags are on")
    code, report = student(mesh.url, "--seat", "anna")
    assert code == 0
    assert (report["checkout"]["status"], report["order_total"]) == (500, "USD 0.00")
    assert [error["type"] for error in report["script_errors"]] == ["String", "TypeError"]
    assert re.search(
        r"at getProductPrice .*\n +at renderFinalPrice .*\n +at http", report["script_errors"][1]["stack"]
    )
    (fetch,) = mesh.beacons.named(
        "HTTP POST", splunk__rumSessionId=report["session_id"], http__status_code="500"
    )
    assert fetch["tags"]["link.traceId"] == report["checkout"]["trace_id"] == fetch["traceId"]
    assert fetch["tags"]["enduser.id"] == "anna"
    names = {span.name for span in mesh.trace(report["checkout"]["trace_id"])}
    assert any("Charge" in name for name in names)


def walked(mesh: Mesh) -> list[dict[str, Any]]:
    """The spans that a student's walk beacons."""
    mesh.beacons.spans.clear()
    assert student(mesh.url)[0] == 0
    return list(mesh.beacons.spans)


def long_tasks_ms(spans: list[dict[str, Any]]) -> list[int]:
    """The durations of long tasks, but for the one of the agent's own start."""
    found = sorted(int(span["tags"]["longtask.duration"]) for span in spans if span["name"] == "longtask")
    return [duration for duration in found if duration > 140]


def test_a_vendors_script_blocks_the_page_as_in_a_browser(mesh: Mesh) -> None:
    """Long tasks at load and at clicks, clicks that last, and a bad INP; none of it in a healthy shop."""
    assert long_tasks_ms(walked(mesh)) == []
    mesh.set_flags(frontend_vendor_script={"load_ms": 150, "click_ms": 230})
    eventually(lambda: mesh.flags.frontend_vendor_script(Shopper())[1], "the flag is seen")
    spans = walked(mesh)
    assert long_tasks_ms(spans) == [150, 150, 150, 230, 230]
    clicks = [span["duration"] for span in spans if span["name"] == "click"]
    assert len(clicks) == 2
    assert min(clicks) >= 230_000
    (inp,) = [float(span["tags"]["inp"]) for span in spans if "inp" in span["tags"]]
    assert inp > 230
    files = {span["tags"]["http.url"] for span in spans if span["name"] == "resourceFetch"}
    assert any("/static/vendor-clickmap" in file for file in files)


def test_a_link_of_an_unsampled_trace_is_reported_and_not_followed(mesh: Mesh) -> None:
    mesh.set_flags(frontend_unsampled_link=True)
    eventually(lambda: mesh.flags.frontend_unsampled_link(Shopper()), "the flag is seen")
    checkout = student(mesh.url)[1]["checkout"]
    assert checkout["server_timing"].endswith('-00"')
    assert checkout["trace_id"] is None
    assert mesh.trace(checkout["rum_trace_id"])


def test_an_unmodified_client_of_the_original_shop_finds_nothing_broken(mesh: Mesh) -> None:
    stats = original(mesh.url)
    assert {(each["method"], each["name"]) for each in stats} >= {("GET", "/"), ("GET", "/cart")}
    failures = [
        (each["method"], each["name"], each["num_failures"]) for each in stats if each["num_failures"]
    ]
    assert failures == []


def test_and_in_the_broken_shop_nothing_but_the_checkout(mesh: Mesh) -> None:
    mesh.set_flags(cart_price_typo=True, payment_invalid_token=1.0, checkout_stale_endpoint=True)
    eventually(lambda: misspelt(mesh), "the flags are on")
    broken = {(each["method"], each["name"]) for each in original(mesh.url) if each["num_failures"]}
    assert broken <= {("POST", "/cart/checkout")}


def original(url: str) -> list[dict[str, Any]]:
    """Locust's figures of the stranger's file, once each of its eight users made a good ten requests."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", "tests/loadgen/original_shape.py", "--host", url),
            *("--headless", "--users", "8", "--spawn-rate", "8", "--run-time", "40s", "--json"),
            *("--exit-code-on-error", "0", "--loglevel", "ERROR"),
        ],
        cwd=REPO,
        env={**os.environ, "PACE": "20", "ENOUGH": "90"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    stats: list[dict[str, Any]] = json.loads(done.stdout)
    assert sum(each["num_requests"] for each in stats) >= 90
    return stats
