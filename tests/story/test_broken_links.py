"""On a real lab, each link of the thread is broken in turn: verify fails and names that very link."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import REPO
from tests.helpers import eventually
from tests.story.proxies import Proxy
from tests.story.proxies import Tampering
from tests.story.proxies import proxy
from tests.story.proxies import without_agent
from tests.story.proxies import without_server_timing
from tests.story.proxies import without_trace_of_logs

pytestmark = [pytest.mark.lab, pytest.mark.timeout(90)]
WITHIN_S = "3"


@dataclass
class Bench:
    """A lab with a proxy before the shop and one behind paymentservice's telemetry."""

    run_dir: Path
    shop: Proxy
    payment_telemetry: Proxy
    urls: dict[str, str]

    def verify(self, *arguments: str) -> dict[str, Any]:
        """Verify through the proxy: exit code, and what each step came to."""
        addresses = ["--shop", self.shop.url, "--observer", self.urls["observer"]]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "lab.verify",
                *addresses,
                "--format",
                "json",
                "--driver",
                "script",
                *arguments,
            ],
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout, f"verify said nothing on standard output: {done.stderr}"
        (incident,) = json.loads(done.stdout)["incidents"]
        steps = {step["name"]: step for step in incident["steps"]}
        return {"code": done.returncode, "steps": steps}

    def pid(self, name: str) -> int:
        """The process id of one of the lab's processes."""
        rows = json.loads((self.run_dir / "status.json").read_text("utf-8"))["processes"]
        return next(int(row["pid"]) for row in rows if row["name"] == name)

    @contextmanager
    def mended(self, fault: str) -> Iterator[None]:
        """The lab with one of its faults taken out of the flag file while it runs."""
        file = self.run_dir / "flags.json"
        before = file.read_text("utf-8")
        document = json.loads(before)
        del document["flags"][fault]
        self._switch(json.dumps(document), 200)
        try:
            yield
        finally:
            self._switch(before, 500)

    def _switch(self, flags: str, checkout_status: int) -> None:
        partial = self.run_dir / "flags.next"
        partial.write_text(flags, "utf-8")
        partial.replace(self.run_dir / "flags.json")
        eventually(lambda: self.checkout() == checkout_status, f"checkouts are answered {checkout_status}")

    def checkout(self) -> int:
        """What a person's checkout is answered just now."""
        command = [sys.executable, "-m", "loadgen.student", "--shop", self.urls["shop"], "--seat", "probe"]
        done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=30, check=False)
        return int(json.loads(done.stdout.splitlines()[-1])["checkout"]["status"])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("lab")
    run_dir = folder / "run"

    def urls() -> dict[str, str]:
        found: dict[str, str] = json.loads((run_dir / "status.json").read_text("utf-8"))["urls"]
        return found

    with proxy(lambda: urls()["shop"]) as shop, proxy(lambda: urls()["otlp_http"]) as telemetry:
        wish = {
            "run_dir": str(run_dir),
            "data": str(folder / "data"),
            "environments": {"paymentservice": {"OTEL_EXPORTER_OTLP_ENDPOINT": telemetry.url}},
        }
        lab = subprocess.Popen(
            [sys.executable, "-m", "tests.story.detour", json.dumps(wish)],
            cwd=REPO,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

        def ready() -> bool:
            if lab.poll() is not None:
                pytest.fail(f"the lab ended while starting: {lab.stderr.read() if lab.stderr else ''}")
            return bool(json.loads((run_dir / "status.json").read_text("utf-8"))["ready"])

        try:
            eventually(ready, "the lab is ready", within_s=40)
            yield Bench(run_dir, shop, telemetry, urls())
        finally:
            lab.send_signal(signal.SIGTERM)
            lab.communicate(timeout=15)


def named(steps: dict[str, Any]) -> list[str]:
    """The links that are called broken."""
    return [
        name
        for name, step in steps.items()
        if not step["passed"] and not step["detail"].startswith("not reached")
    ]


def blames(told: dict[str, Any], link: str, *, unreached: tuple[str, ...], whole: tuple[str, ...]) -> str:
    """Hold that verify failed and blamed one link, that others hang on it and others hold; its detail."""
    assert told["code"] == 1, "verify must fail"
    assert named(told["steps"]) == [link], [told["steps"][name]["detail"] for name in named(told["steps"])]
    for name in unreached:
        detail = told["steps"][name]["detail"]
        assert detail.startswith("not reached"), f"{name} hangs on {link}: {detail}"
    for name in whole:
        assert told["steps"][name]["passed"], (
            f"{name} does not hang on {link}: {told['steps'][name]['detail']}"
        )
    detail = str(told["steps"][link]["detail"])
    assert all(part in detail for part in ("expected ", "; saw ", "; look at ")), detail
    return detail


def test_an_untouched_lab_holds_through_the_proxies(bench: Bench) -> None:
    told = bench.verify()
    assert told["code"] == 0, [told["steps"][name]["detail"] for name in named(told["steps"])]


def test_dropped_server_timing_is_the_missing_apm_link(bench: Bench) -> None:
    with bench.shop.doing(Tampering(answer=without_server_timing)):
        told = bench.verify("--within", WITHIN_S)
    detail = blames(
        told,
        "apm-link",
        unreached=("trace", "log-line"),
        whole=("session", "javascript-error", "checkout-500"),
    )
    assert "had no Server-Timing header" in detail


def test_a_page_without_agent_is_the_missing_session(bench: Bench) -> None:
    with bench.shop.doing(Tampering(answer=without_agent)):
        told = bench.verify("--within", WITHIN_S)
    blames(
        told, "session", unreached=("javascript-error", "apm-link", "trace"), whole=("visit", "order-refused")
    )


def test_logs_without_trace_id_are_the_missing_line(bench: Bench) -> None:
    with bench.payment_telemetry.doing(Tampering(request=without_trace_of_logs)):
        told = bench.verify("--within", WITHIN_S)
    detail = blames(
        told, "log-line", unreached=(), whole=("charge-refused", "both-at-fault", "version-refused")
    )
    assert "the line did arrive, but without this trace id" in detail


def test_a_good_token_is_the_charge_that_was_not_refused(bench: Bench) -> None:
    with bench.mended("payment_invalid_token"):
        told = bench.verify("--within", WITHIN_S)
    detail = blames(
        told,
        "charge-refused",
        unreached=("order-refused", "checkout-500", "provider-call", "both-at-fault", "log-line"),
        whole=("session", "javascript-error", "zero-total", "apm-link", "retired-address"),
    )
    assert 'attributes.version = "v350.9"' in detail


def test_a_stopped_payment_service_is_the_missing_service(bench: Bench) -> None:
    pid = bench.pid("paymentservice")
    os.kill(pid, signal.SIGSTOP)
    try:
        told = bench.verify("--within", WITHIN_S)
    finally:
        os.kill(pid, signal.SIGCONT)
    blames(
        told,
        "services",
        unreached=("charge-refused", "log-line"),
        whole=("session", "order-refused", "trace"),
    )
