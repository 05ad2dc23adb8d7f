"""On a real lab, each link of the thread is broken in turn: verify fails and names that very link."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.chromium import find_browser
from tests.helpers import required_in_ci
from tests.story.bench import Bench
from tests.story.proxies import (
    Tampering,
    without_agent,
    without_exemplars,
    without_server_timing,
    without_trace_of_logs,
)

pytestmark = [pytest.mark.lab, pytest.mark.timeout(90)]
WITHIN_S = "3"
METRICS_WITHIN_S = "12"
"""Where the metrics must hold: they leave every five seconds."""


def named(steps: dict[str, Any]) -> list[str]:
    """The links that are called broken."""
    return [
        name
        for name, step in steps.items()
        if not step["passed"] and not step["detail"].startswith(("not reached", "not checked"))
    ]


def blames(result: dict[str, Any], link: str, *, unreached: tuple[str, ...], whole: tuple[str, ...]) -> str:
    """Hold that verify failed and blamed one link, that others hang on it and others hold; its detail."""
    assert result["code"] == 1, "verify must fail"
    assert named(result["steps"]) == [link], [
        result["steps"][name]["detail"] for name in named(result["steps"])
    ]
    for name in unreached:
        detail = result["steps"][name]["detail"]
        assert detail.startswith("not reached"), f"{name} depends on {link}: {detail}"
    for name in whole:
        assert result["steps"][name]["passed"], (
            f"{name} does not depend on {link}: {result['steps'][name]['detail']}"
        )
    detail = str(result["steps"][link]["detail"])
    assert all(part in detail for part in ("expected ", "; saw ", "; look at ")), detail
    return detail


def test_an_untouched_lab_holds_through_the_proxies(bench: Bench) -> None:
    result = bench.verify()
    assert result["code"] == 0, [result["steps"][name]["detail"] for name in named(result["steps"])]


def test_dropped_server_timing_is_the_missing_apm_link(bench: Bench) -> None:
    with bench.shop.doing(Tampering(answer=without_server_timing)):
        result = bench.verify("--within", WITHIN_S)
    detail = blames(
        result,
        "apm-link",
        unreached=("trace", "log-line"),
        whole=("session", "javascript-error", "checkout-500"),
    )
    assert "had no Server-Timing header" in detail


def test_a_page_without_agent_is_the_missing_session(bench: Bench) -> None:
    with bench.shop.doing(Tampering(answer=without_agent)):
        result = bench.verify("--within", WITHIN_S)
    blames(
        result,
        "session",
        unreached=("javascript-error", "apm-link", "trace"),
        whole=("visit", "order-refused"),
    )


def test_logs_without_trace_id_are_the_missing_line(bench: Bench) -> None:
    with bench.payment_telemetry.doing(Tampering(request=without_trace_of_logs)):
        result = bench.verify("--within", METRICS_WITHIN_S)
    detail = blames(
        result, "log-line", unreached=(), whole=("charge-refused", "both-at-fault", "version-refused")
    )
    assert "the line did arrive, but without this trace id" in detail


def test_metrics_without_exemplars_are_the_missing_way_to_the_trace(bench: Bench) -> None:
    with bench.payment_telemetry.doing(Tampering(request=without_exemplars)):
        result = bench.verify("--within", METRICS_WITHIN_S)
    detail = blames(
        result,
        "charge-exemplar",
        unreached=("exemplar-span",),
        whole=("charge-refused", "log-line", "order-exemplar"),
    )
    assert "the number itself did arrive" in detail


def test_a_good_token_is_the_charge_that_was_not_refused(bench: Bench) -> None:
    with bench.mended("payment_invalid_token"):
        result = bench.verify("--within", WITHIN_S)
    detail = blames(
        result,
        "charge-refused",
        unreached=(
            "order-refused",
            "checkout-500",
            "provider-call",
            "both-at-fault",
            "log-line",
            "charge-exemplar",
            "order-exemplar",
        ),
        whole=("session", "javascript-error", "zero-total", "apm-link", "retired-address"),
    )
    assert 'attributes.version = "v350.9"' in detail


def test_a_stopped_payment_service_is_the_missing_service(bench: Bench) -> None:
    with bench.payment_door.shut():
        result = bench.verify("--within", WITHIN_S)
    blames(
        result,
        "services",
        unreached=("charge-refused", "log-line"),
        whole=("session", "order-refused", "trace"),
    )


@pytest.mark.browser
def test_a_real_browser_walks_the_same_path(bench: Bench) -> None:
    if not find_browser():
        required_in_ci("Chromium drives the walk")
    result = bench.verify("--driver", "browser")
    assert result["code"] == 0, [result["steps"][name]["detail"] for name in named(result["steps"])]
    assert result["steps"]["visit"]["detail"] == "driver browser"
