"""Writes what the Helm chart takes from the table of the lab.

    python -m lab.plan.chart > deploy/helm/hipster-lab/files/lab.json

The same processes, addresses and readiness as `lab up` and the containers, and the flag file of each
incident; the chart's templates make Kubernetes' objects of it. A test compares the committed file.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import incidents
from lab.plan import compose, topology
from lab.plan.settings_reference import settings_of
from lab.state.run_folder import ALERTS, CARTS, FLAGS, STORE
from runtime.settings import describe

TELEMETRY = "telemetry"
WITH_THE_STORE = ("collector", "observer", "alerting")
"""They share one SQLite file, and so a volume, a machine and a pod; over ClickHouse they share none."""
ALONE = "127.0.0.1"
WORKERS_PORT = 5557
"""Locust's own default for a master and its workers."""
_FILES = {
    "collector": {"STORE_PATH": STORE},
    "alerting": {"STORE_PATH": STORE, "ALERTS_DB": ALERTS},
    "observer": {"STORE_PATH": STORE, "ALERTS_DB": ALERTS},
    "cartservice": {"CART_DB": CARTS},
}
_FILES_APART: dict[str, dict[str, str]] = {"collector": {}, "alerting": {"ALERTS_DB": ALERTS}, "observer": {}}
_OF_ALL = ("DEPLOYMENT_ENVIRONMENT", "HIPSTERLAB_SEED")
_SENDS_NOTHING = ("buttercup", "loadgen")
"""The provider is another company; the load is measured by the shop that it meets."""


def main() -> int:
    """Print the file."""
    sys.stdout.write(render())
    return 0


def render() -> str:
    """The file's text."""
    return json.dumps(document(), indent=1) + "\n"


def document() -> dict[str, Any]:
    """The processes by pod, who calls whom, and the incidents, as dicts, lists and scalars.

    `apart` has the pods that stand in the place of `telemetry` where the store is a server.
    """
    apart = {name: pod for name, pod in _pods(apart=True).items() if name in WITH_THE_STORE}
    return {
        "flags_folder": compose.FLAGS,
        "flags_file": FLAGS,
        "data_folder": compose.DATA,
        "workers_port": WORKERS_PORT,
        "pods": _pods(apart=False),
        "apart": apart,
        "incidents": {name: incidents.flagd_json(incidents.load(name)) for name in incidents.names()},
    }


def pod_of(name: str, *, apart: bool = False) -> str:
    """The pod in which a process runs, by whether the store is a server."""
    return TELEMETRY if name in WITH_THE_STORE and not apart else name


def _pods(*, apart: bool) -> dict[str, dict[str, Any]]:
    contained = [service for service in topology.SERVICES if service.contained]
    pods: dict[str, dict[str, Any]] = {}
    for service in contained:
        pod = pods.setdefault(pod_of(service.name, apart=apart), {"processes": {}, "accepts": []})
        pod["processes"][service.name] = _process(service, apart=apart)
    for caller, callee, number in _calls(contained, apart=apart):
        entry = {"from": caller, "port": number}
        if entry not in pods[callee]["accepts"]:
            pods[callee]["accepts"].append(entry)
    return pods


def _calls(contained: list[topology.Service], *, apart: bool) -> list[tuple[str, str, int]]:
    """(pod, pod, port) of every connection from one pod to another, telemetry included."""
    found = []
    for service in contained:
        caller = pod_of(service.name, apart=apart)
        if service.name not in _SENDS_NOTHING:
            found.append((caller, pod_of("collector", apart=apart), compose.OTLP["http"]))
        for variable, (target, _) in service.calls.items():
            callee, port = _target(target)
            if callee.contained and not compose.is_for_people(service, variable):
                pod = pod_of(callee.name, apart=apart)
                found.append((caller, pod, compose.container_port(callee, port)))
    if apart:
        # Screens on other machines ask for the alerts.
        alerting = topology.BY_NAME["alerting"]
        found.append(("observer", "alerting", compose.container_port(alerting, alerting.ports[0])))
    return [entry for entry in found if entry[0] != entry[1]]


def _target(target: str) -> tuple[topology.Service, topology.Port]:
    name, _, _ = topology.target_key(target).partition(":")
    return topology.BY_NAME[name], topology.port(topology.target_key(target))


def _process(service: topology.Service, *, apart: bool) -> dict[str, Any]:
    return {
        "module": service.module,
        "purpose": service.purpose,
        "ready": service.ready,
        "ports": [
            {"name": port.name, "number": compose.container_port(service, port)} for port in service.ports
        ],
        "sends_telemetry": service.name not in _SENDS_NOTHING,
        # Of the settings that the chart's values decide for all: those that this process has.
        "takes": [name for name in _OF_ALL if name in _settings(service)],
        "environment": _environment(service, apart=apart),
    }


def _settings(service: topology.Service) -> set[str]:
    return {setting.env for setting in describe(settings_of(service.module))}


def _environment(service: topology.Service, *, apart: bool) -> dict[str, str]:
    """What does not depend on the chart's values: where to listen, whom to call, which files."""
    environment = {
        # Locust's page has neither password nor ceiling: only a forwarded port reaches it.
        "LISTEN_ADDR": ALONE if service.fresh else "0.0.0.0",
    }
    if "HIPSTERLAB_FLAGS_FILE" in _settings(service):
        environment["HIPSTERLAB_FLAGS_FILE"] = f"{compose.FLAGS}/{FLAGS}"
    for port in service.ports:
        environment[port.variable] = str(compose.container_port(service, port))
    for variable, (target, shape) in service.calls.items():
        callee, port = _target(target)
        if callee.contained and not compose.is_for_people(service, variable):
            together = pod_of(callee.name, apart=apart) == pod_of(service.name, apart=apart)
            host = ALONE if together else callee.name
            environment[variable] = shape.format(host=host, port=compose.container_port(callee, port))
    if apart and service.name == "observer":
        alerting = topology.BY_NAME["alerting"]
        number = compose.container_port(alerting, alerting.ports[0])
        environment["ALERTS_URL"] = f"http://alerting:{number}"
    files = _FILES.get(service.name, {})
    if apart:
        files = _FILES_APART.get(service.name, files)
    return environment | {variable: f"{compose.DATA}/{file}" for variable, file in files.items()}


if __name__ == "__main__":
    raise SystemExit(main())
