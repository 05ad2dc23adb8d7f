"""What the chart says, run without a cluster: each container a process, each Service an address of loopback.

The environment, ports, probes and flags are those of the rendered objects; names of Services become
addresses, mounted folders become folders, and secrets get a value. It is the chart of the large class, with
its gateway (a real Collector), Locust's master and workers, and signed links: over a file, and with two
observers over ClickHouse (its engine behind the tests' HTTP server). Images, volumes, policies and everything
that a cluster does are not in it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.supervision.health_check import is_ready
from runtime import seats
from store.clickhouse.address import read_address
from tests.chart.rendering import CLASS_300, OVER_CLICKHOUSE, Rendered, rendered
from tests.helpers import REPO, eventually, running
from tests.senders.tools import BUILD_S, otelcol
from tests.store import clickhouse_house

pytestmark = [
    pytest.mark.timeout(BUILD_S + 300),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers at all addresses of loopback"),
]

READY_S = 150
SECRET = "of-the-test"
_PID = os.getpid()
PREFIX = f"127.{100 + _PID % 150}.{_PID // 150 % 250}."
"""Addresses of this test process alone: a lab or another test may have the same ports elsewhere."""


@dataclass(frozen=True)
class Installed:
    """The processes of the chart, by the address of each Service."""

    addresses: Mapping[str, str]
    replica: str = ""
    """The address of a second observer; empty where there is none."""

    @property
    def shop(self) -> str:
        return f"http://{self.addresses['frontend']}:8080"

    def api(self, path: str, *, of: str = "", **parameters: str) -> dict[str, Any]:
        """What a route of the observer's API answers, for 200; `of` is the address of another observer."""
        url = f"http://{of or self.addresses['observer']}:8090/api/v1{path}"
        answer = requests.get(url, params=parameters, timeout=20)
        assert answer.status_code == 200, answer.text[:300]
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(name="installed", scope="module", params=[CLASS_300, OVER_CLICKHOUSE])
def _installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("chart")
    lab = rendered(request.param, "load.users=4", "load.spawnRate=4")
    secrets = _secrets() if request.param == OVER_CLICKHOUSE else {}
    addresses = _addresses(lab)
    for name in ("flags", "data"):
        (folder / name).mkdir()
    (folder / "flags" / "flags.json").write_text(lab.of("ConfigMap")["flags"]["data"]["flags.json"], "utf-8")
    with ExitStack() as stack:
        for _, container in lab.containers():
            _start(stack, lab, container, addresses, folder, secrets)
        for _, container in lab.containers():
            _await(container, addresses)
        if not secrets:
            yield Installed(addresses)
            return
        _, observer = lab.container("observer")
        elsewhere = {**addresses, "observer": f"{PREFIX}3"}
        _start(stack, lab, observer, elsewhere, folder, secrets)
        _await(observer, elsewhere)
        yield Installed(addresses, elsewhere["observer"])


def _secrets() -> dict[str, str]:
    """Key -> value of the Secret that names the store."""
    clickhouse_house.require_engine()
    url = clickhouse_house.new_url(over_http=True)
    address = read_address(url)
    endpoint = f"http://{address.host}:{address.port}"
    return {
        "url": url,
        "endpoint": endpoint,
        "database": address.database,
        "username": "default",
        "password": "",
    }


def _addresses(lab: Rendered) -> dict[str, str]:
    """Service or pod -> an address; containers of one pod share loopback's own, as in a pod."""
    names = sorted({*lab.of("Service"), *(container["name"] for _, container in lab.containers())})
    found = {name: f"{PREFIX}{number}" for number, name in enumerate(names, start=10)}
    together = [container["name"] for pod, container in lab.containers() if pod == "telemetry"]
    return found | dict.fromkeys(together, f"{PREFIX}2")


def _environment(
    lab: Rendered,
    container: dict[str, Any],
    addresses: Mapping[str, str],
    folder: Path,
    secrets: Mapping[str, str],
) -> dict[str, str]:
    own = addresses[container["name"]]
    # lz4 is of blocks of the native protocol, which the engine in this process does not speak.
    found = {"CLICKHOUSE_COMPRESS": "none"} if secrets else {}
    # Beside it the collector keeps what it refused, over ClickHouse, too: by default in the working folder.
    found["STORE_PATH"] = str(folder / "store.db")
    for entry in container["env"]:
        if "valueFrom" in entry:
            found[entry["name"]] = secrets.get(entry["valueFrom"]["secretKeyRef"]["key"], SECRET)
            continue
        text = str(entry["value"])
        for name in lab.of("Service"):
            text = re.sub(rf"(?<![\w./-]){name}(?=:\d)|(?<=http://){name}(?=:\d)", addresses[name], text)
        # In a pod, loopback is the pod's own.
        text = text.replace("0.0.0.0", own).replace("127.0.0.1", own)
        found[entry["name"]] = re.sub(r"^/(flags|data)/", rf"{folder}/\1/", text)
    return found


def _start(
    stack: ExitStack,
    lab: Rendered,
    container: dict[str, Any],
    addresses: Mapping[str, str],
    folder: Path,
    secrets: Mapping[str, str],
) -> None:
    environment = _environment(lab, container, addresses, folder, secrets)
    log = folder / f"{container['name']}.log"
    if container["name"] != "gateway":
        stack.enter_context(running(container["command"][2], environment, log=log))
        return
    file = folder / "gateway.yaml"
    file.write_text(lab.of("ConfigMap")["gateway"]["data"]["config.yaml"], "utf-8")
    sink = stack.enter_context(log.open("wb"))
    process = subprocess.Popen(
        [os.fspath(otelcol()), "--config", os.fspath(file)],
        env={**os.environ, **environment}, stdout=sink, stderr=subprocess.STDOUT,
    )  # fmt: skip
    stack.callback(process.wait, 30)
    stack.callback(process.terminate)


def _await(container: dict[str, Any], addresses: Mapping[str, str]) -> None:
    """Ask as its probe asks."""
    probe, own = container.get("readinessProbe", {}), addresses[container["name"]]
    if "grpc" in probe:
        ask = partial(is_ready, "grpc", f"{own}:{probe['grpc']['port']}")
    elif "httpGet" in probe:
        ask = partial(is_ready, probe["httpGet"]["path"], f"{own}:{probe['httpGet']['port']}")
    elif "exec" in probe:
        [(kind, address)] = json.loads(probe["exec"]["command"][-1]).values()
        ask = partial(is_ready, kind, address.replace("127.0.0.1", own))
    else:
        return
    eventually(ask, f"{container['name']} is ready", within_s=READY_S)


def test_a_student_of_the_class_follows_the_failing_order_to_its_log(installed: Installed) -> None:
    """By a signed link; telemetry by the gateway, beacons by the storefront."""
    entry = seats.link("", "anna", SECRET).lstrip("/")
    command = [sys.executable, "-m", "loadgen.student", "--shop", installed.shop, "--entry", f"/{entry}"]
    result = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=90, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    order = json.loads(result.stdout.splitlines()[-1])
    assert order["checkout"]["status"] >= 500
    trace_id = order["checkout"]["trace_id"]

    def whole() -> dict[str, Any]:
        trace = installed.api(f"/apm/traces/{trace_id}")
        # Until the storefront's spans come, checkoutservice seems to be called from outside.
        has_root = order["checkout"]["span_id"] in {span["span_id"] for span in trace["spans"]}
        return trace if has_root and trace["complete"] else {}

    trace = eventually(whole, "the whole trace", within_s=40)
    logs = eventually(lambda: installed.api("/logs", trace_id=trace_id)["logs"], "its logs", within_s=40)
    events = installed.api(f"/rum/sessions/{order['session_id']}")["events"]

    assert {"frontend", "checkoutservice", "paymentservice"} <= {span["service"] for span in trace["spans"]}
    assert any(log["service"] == "paymentservice" for log in logs)
    assert trace_id in {event["apm"]["trace_id"] for event in events if event.get("apm")}


def test_two_observers_show_the_same(installed: Installed) -> None:
    """Neither rules and their states nor telemetry are in one of them alone."""
    if not installed.replica:
        pytest.skip("over a file there is one")
    other = installed.replica
    names = [rule["name"] for rule in installed.api("/detectors")["detectors"]]
    services = eventually(lambda: installed.api("/apm/services")["services"], "services", within_s=60)

    assert names
    assert names == [rule["name"] for rule in installed.api("/detectors", of=other)["detectors"]]
    theirs = installed.api("/apm/services", of=other)["services"]
    assert {each["service"] for each in services} <= {each["service"] for each in theirs}


def test_locusts_workers_make_the_load(installed: Installed) -> None:
    """The master counts what the workers do in the shop."""
    url = f"http://{installed.addresses['loadgen']}:8089/stats/requests"
    eventually(lambda: requests.get(url, timeout=5).json()["user_count"] == 4, "four users", within_s=60)
    eventually(lambda: requests.get(url, timeout=5).json()["total_rps"] > 0, "requests", within_s=60)


def test_the_screens_know_the_alerts_and_the_collector(installed: Installed) -> None:
    """Alerting's file and the collector's state reach the observer within the pod."""
    assert installed.api("/alerts") is not None
    eventually(lambda: installed.api("/status")["counts"]["spans"] > 0, "spans", within_s=60)
