"""The container files against the table of the lab: same processes, same wires, same order of start."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lab.plan import compose, planning, topology
from lab.plan.options import Options
from tests.helpers import REPO

SERVICES: dict[str, dict[str, Any]] = compose.document()["services"]
NOT_CONTAINED = {service.name for service in topology.SERVICES if not service.contained}
CONTAINED = [service for service in topology.SERVICES if service.contained]
EVERY_PROCESS = pytest.mark.parametrize("service", CONTAINED, ids=lambda service: service.name)


def test_the_compose_file_is_the_table() -> None:
    """docker-compose.yml is what `python -m lab.plan.compose` writes."""
    committed = (REPO / "docker-compose.yml").read_text("utf-8")

    assert committed == compose.render(), "run: python -m lab.plan.compose > docker-compose.yml"


def test_containers_are_the_processes_of_the_lab() -> None:
    """One container per process that does not act on the lab itself, and one that puts the flags in place."""
    assert set(SERVICES) == {service.name for service in CONTAINED} | {"flags"}
    assert set(topology.BY_NAME) - set(SERVICES) == {"control"}


@EVERY_PROCESS
def test_a_container_is_wired_like_its_process(service: topology.Service, tmp_path: Path) -> None:
    """Same module, same variables, same question for its health, same order of start as `lab up`."""
    planned = planning.build(
        Options(free_ports=True, data=tmp_path), tmp_path, environment={"PATH": "/usr/bin"}
    )
    process = next(entry for entry in planned.processes if entry.name == service.name)
    container = SERVICES[service.name]
    ports = {port.variable for port in service.ports}
    wired = ports | {name for name, (target, _) in service.calls.items() if target not in NOT_CONTAINED}

    assert container["command"] == ["python", "-m", service.module]
    assert wired <= set(container["environment"])
    assert wired <= set(process.environment)
    assert set(container["depends_on"]) == {"flags", *service.after}
    assert json.loads(container["healthcheck"]["test"][-1])[service.name][0] == service.ready


@EVERY_PROCESS
def test_a_container_reaches_its_callees_where_they_listen(service: topology.Service) -> None:
    """The port in a caller's variable is the one that the callee's own variable names."""
    for variable, (target, _) in service.calls.items():
        if compose.is_for_people(service, variable) or target in NOT_CONTAINED:
            continue  # These addresses are shown to people, who stand outside; the next test has them.
        name, _, port_name = topology.target_key(target).partition(":")
        port = next(port for port in topology.BY_NAME[name].ports if port.name == port_name)
        number = SERVICES[name]["environment"][port.variable]

        assert f"{name}:{number}" in SERVICES[service.name]["environment"][variable]


def test_people_are_told_the_published_ports() -> None:
    """What the observer shows as the shop's address is where the shop's container is published."""
    number = "${LAB_SHOP_PORT:-8080}"

    assert SERVICES["frontend"]["ports"] == [f"${{LAB_HOST:-127.0.0.1}}:{number}:8080"]
    assert SERVICES["observer"]["environment"]["SHOP_URL"].endswith(f":{number}")


@EVERY_PROCESS
def test_only_public_ports_are_published(service: topology.Service) -> None:
    """By default nothing is open to afar, and Locust's page, which has no password, never is."""
    ports = SERVICES[service.name].get("ports", [])

    assert len(ports) == sum(port.fixed is not None for port in service.ports)
    for text, port in zip(ports, service.ports, strict=False):
        assert text.startswith("${LAB_HOST:-127.0.0.1}:" if port.public else "127.0.0.1:")


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_needs_no_privilege(name: str) -> None:
    """Files read-only, no capability, none to be gained; one image, built by the one that all wait for."""
    container = SERVICES[name]

    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["image"] == compose.IMAGE
    assert ("build" in container) == (name == "flags")


def test_the_image_contains_every_room_that_runs() -> None:
    """Each package of the table is copied into the image, and let through to the build."""
    dockerfile = (REPO / "Dockerfile").read_text("utf-8")
    let_through = (REPO / ".dockerignore").read_text("utf-8").splitlines()
    rooms = {service.module.partition(".")[0] for service in topology.SERVICES}
    for room in rooms | {"classroom", "lab", "protos", "runtime", "signals", "store", "incidents"}:
        assert f"COPY {room} {room}\n" in dockerfile
        assert f"!{room}" in let_through


def test_the_image_is_not_root_and_its_base_is_pinned() -> None:
    """A user by number, and a base with an exact version that a build argument can replace."""
    dockerfile = (REPO / "Dockerfile").read_text("utf-8")

    assert re.search(r"^USER \d{4,}:\d{4,}$", dockerfile, re.M)
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", compose.BASE_IMAGE)
    assert f"\nARG BASE_IMAGE={compose.BASE_IMAGE}\n" in dockerfile
    assert re.findall(r"^FROM (\S+)", dockerfile, re.M) == ["${BASE_IMAGE}", "${BASE_IMAGE}"]


def test_volumes_are_writable_for_the_images_user() -> None:
    """A new volume takes its owner from the folder in the image, so the folder must be there and owned."""
    dockerfile = (REPO / "Dockerfile").read_text("utf-8")

    assert f"chown lab:lab {compose.DATA} {compose.FLAGS}" in dockerfile


def test_the_containers_of_a_class_share_its_secret() -> None:
    """The shop verifies seat links and the screens sign them: both need the secret."""
    holders = {name for name, service in SERVICES.items() if "SEAT_SECRET" in service.get("environment", {})}

    assert holders == set(planning.SEAT_SECRET_HOLDERS)


def test_rules_of_ones_own_are_read_where_they_are_mounted() -> None:
    """Read-only, by the process that evaluates them; a volume stands for a folder that nobody named."""
    (holder,) = (name for name, each in SERVICES.items() if "DETECTORS_DIR" in each.get("environment", {}))
    folder = SERVICES[holder]["environment"]["DETECTORS_DIR"]

    assert holder == "alerting"
    assert SERVICES[holder]["volumes"][-1] == f"${{DETECTORS_DIR:-{compose.NO_RULES}}}:{folder}:ro"
    assert compose.NO_RULES in compose.document()["volumes"]
