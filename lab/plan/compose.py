"""Writes `docker-compose.yml` from the table of the lab: `python -m lab.plan.compose > docker-compose.yml`.

The same processes, addresses, health checks and order of start as `lab up`; a test
compares the committed file with this.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from lab.plan import topology

GRPC_PORT = 50051
HTTP_PORT = 8080
OTLP = {"http": 4318, "grpc": 4317}
DATA = "/data"
FLAGS = "/flags"
RULES = "/rules"
NO_RULES = "no-rules"
IMAGE = "hipster-lab"
# Repeats the Dockerfile's default: Compose 1 turns an argument without a value into an empty one.
BASE_IMAGE = "python:3.11.14-slim-bookworm"
HEADER = """\
# Written by `python -m lab.plan.compose` from lab/plan/topology.py: change that; a test compares them.
#
#   docker compose up --build             the whole lab
#   INCIDENT=none docker compose up       a healthy shop
#   INCIDENT=price-typo docker compose run --rm flags      another incident, while it runs
#   LOADGEN_USERS=50 docker compose up    more shoppers
#   DETECTORS_DIR=./my-rules docker compose up             alerts by rules of your own, too
#   docker compose down --volumes         stop it and forget its data
#
# The shop: http://localhost:8080   the observer: http://localhost:8090   OTLP: localhost:4317 and :4318
# Every variable, and what was tried with which engine: docs/containers.md
"""


def main() -> int:
    """Print the file."""
    sys.stdout.write(render())
    return 0


def render() -> str:
    """The file's text."""
    return HEADER + "\n" + "\n".join(_yaml(document())) + "\n"


def document() -> dict[str, Any]:
    """The compose file as dicts, lists and scalars."""
    services: dict[str, Any] = {"flags": _flags()}
    services |= {service.name: _service(service) for service in topology.SERVICES if service.contained}
    return {"services": services, "volumes": {"data": None, "flags": None, NO_RULES: None}}


def container_port(service: topology.Service, port: topology.Port) -> int:
    """The port that a process listens on inside its container."""
    if service.name == "collector":
        return OTLP[port.name]
    if port.fixed is not None:
        return port.fixed
    return GRPC_PORT if service.ready_kind == topology.GRPC else HTTP_PORT


def is_for_people(service: topology.Service, variable: str) -> bool:
    """Whether an address is shown to people, who are outside the network of the containers."""
    return variable == "OBSERVER_URL" or (service.name == "observer" and variable != "COLLECTOR_URL")


def published_port(port: topology.Port) -> str:
    """The published number of a port that has a fixed one, as a variable: `${LAB_SHOP_PORT:-8080}`."""
    return f"${{LAB_{port.option.upper().replace('-', '_')}_PORT:-{port.fixed}}}"


def _locked_down() -> dict[str, Any]:
    """The entries of every container: it may write to its volumes and to /tmp only, without privileges."""
    return {
        "image": IMAGE,
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108  a mount inside a container of its own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }


def _flags() -> dict[str, Any]:
    """The container that writes the flag file and ends. All wait for it, so only it builds the image."""
    return _locked_down() | {
        "build": {"context": ".", "args": {"BASE_IMAGE": f"${{BASE_IMAGE:-{BASE_IMAGE}}}"}},
        "command": ["python", "-m", "lab.state.flag_file", "${INCIDENT:-invalid-token}", FLAGS],
        "volumes": [f"flags:{FLAGS}"],
    }


def _service(service: topology.Service) -> dict[str, Any]:
    entry: dict[str, Any] = _locked_down() | {
        "command": ["python", "-m", service.module],
        "environment": _environment(service),
        "depends_on": {"flags": {"condition": "service_completed_successfully"}},
        "healthcheck": _health(service),
        "restart": "unless-stopped",
        "init": True,
        "stop_grace_period": "5s",
        "volumes": [f"flags:{FLAGS}:ro"],
    }
    for name in service.after:
        entry["depends_on"][name] = {"condition": "service_healthy"}
    if service.name in ("collector", "observer", "alerting", "cartservice"):
        entry["volumes"].append(f"data:{DATA}")
    if service.name == "alerting":
        # Compose cannot leave a mount out: where no folder is named, a volume that stays empty is mounted.
        entry["volumes"].append(f"${{DETECTORS_DIR:-{NO_RULES}}}:{RULES}:ro")
    published = [
        f"{_published_host(port)}:{published_port(port)}:{container_port(service, port)}"
        for port in service.ports
        if port.fixed is not None
    ]
    if published:
        entry["ports"] = published
    return entry


def _published_host(port: topology.Port) -> str:
    return "${LAB_HOST:-127.0.0.1}" if port.public else "127.0.0.1"


def _environment(service: topology.Service) -> dict[str, str]:
    environment = {
        "LISTEN_ADDR": "0.0.0.0",
        "DEPLOYMENT_ENVIRONMENT": "${DEPLOYMENT_ENVIRONMENT:-hipster-lab}",
        "HIPSTERLAB_FLAGS_FILE": f"{FLAGS}/flags.json",
        "HIPSTERLAB_SEED": "${HIPSTERLAB_SEED:-}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://collector:{OTLP['http']}",
    }
    for port in service.ports:
        environment[port.variable] = str(container_port(service, port))
    for variable, (target, shape) in service.calls.items():
        name, _, port_name = topology.target_key(target).partition(":")
        callee = topology.BY_NAME[name]
        if not callee.contained:
            continue
        port = next(port for port in callee.ports if port.name == port_name)
        for_people = is_for_people(service, variable)
        host = "${LAB_NAME:-localhost}" if for_people else name
        number = published_port(port) if for_people else container_port(callee, port)
        environment[variable] = shape.format(host=host, port=number)
    own = {
        "collector": {"STORE_PATH": f"{DATA}/store.sqlite3"},
        "alerting": {
            "STORE_PATH": f"{DATA}/store.sqlite3",
            "ALERTS_DB": f"{DATA}/alerts.db",
            "ALERT_WEBHOOK_URL": "${ALERT_WEBHOOK_URL:-}",
            "DETECTORS_DIR": RULES,
        },
        "observer": {
            "STORE_PATH": f"{DATA}/store.sqlite3",
            "ALERTS_DB": f"{DATA}/alerts.db",
            "SEAT_SECRET": "${SEAT_SECRET:-}",
            "SHOP_PUBLIC_URL": "${LAB_PUBLIC_URL:-}",
        },
        "cartservice": {"CART_DB": f"{DATA}/carts.sqlite3", "REDIS_ADDR": "${REDIS_ADDR:-}"},
        "loadgen": {"LOADGEN_USERS": "${LOADGEN_USERS:-10}"},
        "frontend": {
            "SEAT_SECRET": "${SEAT_SECRET:-}",
            "RUM_REALM": "${RUM_REALM:-}",
            "RUM_AUTH": "${RUM_AUTH:-}",
        },
    }
    return environment | own.get(service.name, {})


def _health(service: topology.Service) -> dict[str, Any]:
    address = f"127.0.0.1:{container_port(service, service.ports[0])}"
    question = json.dumps({service.name: [service.ready, address]})
    return {
        "test": ["CMD", "python", "-m", "lab.supervision.health_check", question],
        # No start_interval: engines before version 25 refuse the file for it.
        "interval": "10s",
        "timeout": "8s",
        "retries": 3,
        "start_period": "60s",
    }


def _yaml(value: dict[str, Any], indent: int = 0) -> Iterator[str]:
    """The lines of a YAML document: mappings in blocks, lists and scalars as JSON, a subset of YAML."""
    pad = "  " * indent
    for key, entry in value.items():
        if isinstance(entry, dict):
            yield f"{pad}{key}:"
            yield from _yaml(entry, indent + 1)
        elif entry is None:
            yield f"{pad}{key}:"
        else:
            yield f"{pad}{key}: {json.dumps(entry)}"


if __name__ == "__main__":
    raise SystemExit(main())
