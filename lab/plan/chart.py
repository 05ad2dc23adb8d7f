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
"""They share one SQLite file, and so a volume, a machine and a pod."""
ALONE = "127.0.0.1"
WORKERS_PORT = 5557
"""Locust's own default for a master and its workers."""
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
    """The processes by pod, who calls whom, and the incidents, as dicts, lists and scalars."""
    contained = [service for service in topology.SERVICES if service.contained]
    pods: dict[str, dict[str, Any]] = {}
    for service in contained:
        pod = pods.setdefault(pod_of(service.name), {"processes": {}, "accepts": []})
        pod["processes"][service.name] = _process(service)
    for caller, callee, number in _calls(contained):
        entry = {"from": caller, "port": number}
        if entry not in pods[callee]["accepts"]:
            pods[callee]["accepts"].append(entry)
    return {
        "flags_folder": compose.FLAGS,
        "flags_file": FLAGS,
        "data_folder": compose.DATA,
        "workers_port": WORKERS_PORT,
        "pods": pods,
        "incidents": {name: incidents.flagd_json(incidents.load(name)) for name in incidents.names()},
    }


def pod_of(name: str) -> str:
    """The pod in which a process runs."""
    return TELEMETRY if name in WITH_THE_STORE else name


def _calls(contained: list[topology.Service]) -> list[tuple[str, str, int]]:
    """(pod, pod, port) of every connection from one pod to another, telemetry included."""
    found = []
    for service in contained:
        caller = pod_of(service.name)
        if service.name not in _SENDS_NOTHING:
            found.append((caller, TELEMETRY, compose.OTLP["http"]))
        for variable, (target, _) in service.calls.items():
            callee, port = _target(target)
            if callee.contained and not compose.is_for_people(service, variable):
                found.append((caller, pod_of(callee.name), compose.container_port(callee, port)))
    return [entry for entry in found if entry[0] != entry[1]]


def _target(target: str) -> tuple[topology.Service, topology.Port]:
    name, _, _ = topology.target_key(target).partition(":")
    return topology.BY_NAME[name], topology.port(topology.target_key(target))


def _process(service: topology.Service) -> dict[str, Any]:
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
        "environment": _environment(service),
    }


def _settings(service: topology.Service) -> set[str]:
    return {setting.env for setting in describe(settings_of(service.module))}


def _environment(service: topology.Service) -> dict[str, str]:
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
            together = pod_of(callee.name) == pod_of(service.name)
            host = ALONE if together else callee.name
            environment[variable] = shape.format(host=host, port=compose.container_port(callee, port))
    files = {
        "collector": {"STORE_PATH": STORE},
        "alerting": {"STORE_PATH": STORE, "ALERTS_DB": ALERTS},
        "observer": {"STORE_PATH": STORE, "ALERTS_DB": ALERTS},
        "cartservice": {"CART_DB": CARTS},
    }.get(service.name, {})
    return environment | {variable: f"{compose.DATA}/{file}" for variable, file in files.items()}


if __name__ == "__main__":
    raise SystemExit(main())
