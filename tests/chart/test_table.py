"""The Helm chart against the table of the lab: same processes, same wires, same questions for health."""

from __future__ import annotations

import json
import re

import pytest

import incidents
from lab.plan import chart, compose, planning, topology
from lab.plan.settings_reference import settings_of
from runtime.settings import describe, load
from tests.chart.rendering import CHART, NAMESPACE, OVER_CLICKHOUSE, VALUES, Rendered, rendered
from tests.helpers import REPO

CONTAINED = [service for service in topology.SERVICES if service.contained]
EVERY_PROCESS = pytest.mark.parametrize("service", CONTAINED, ids=lambda service: service.name)
EVERY_FILE = pytest.mark.parametrize("values", VALUES)
# Read by the exporters themselves.
NOT_SETTINGS = {"OTEL_EXPORTER_OTLP_ENDPOINT"}


def test_the_chart_has_the_table_and_the_collectors_configuration() -> None:
    """Its copies are what the table and `deploy/otelcol` say now."""
    configurations = REPO / "deploy" / "otelcol"
    committed = (CHART / "files" / "lab.json").read_text("utf-8")

    assert committed == chart.render(), (
        "run: python -m lab.plan.chart > deploy/helm/hipster-lab/files/lab.json"
    )
    for name in ("forward.yaml", "clickhouse.yaml"):
        assert (CHART / "files" / name).read_bytes() == (configurations / name).read_bytes()


@EVERY_FILE
def test_containers_are_the_processes_of_the_lab(values: str) -> None:
    """One for each process that does not act on the lab itself; and those that only a cluster has."""
    names = [container["name"] for _, container in rendered(values).containers()]

    assert len(names) == len(set(names))
    assert set(names) - {"gateway", "loadgen-worker"} == {service.name for service in CONTAINED}


@EVERY_PROCESS
@EVERY_FILE
def test_a_container_runs_its_process_with_settings_that_it_takes(
    values: str, service: topology.Service
) -> None:
    """The module of the table; its ports; and no variable that it would not read or would refuse."""
    environment = rendered(values).environment(service.name)
    _, container = rendered(values).container(service.name)
    cls = settings_of(service.module)
    plain = {name: value for name, value in environment.items() if isinstance(value, str)}

    load(cls, plain)
    assert container["command"] == ["python", "-m", service.module]
    wired = {
        name
        for name, (target, _) in service.calls.items()
        if topology.BY_NAME[target.partition(":")[0]].contained
    }
    assert wired <= set(environment)
    assert set(environment) - NOT_SETTINGS <= {each.env for each in describe(cls)}
    assert [str(each["containerPort"]) for each in container["ports"]] == [
        environment[port.variable] for port in service.ports
    ]


@EVERY_PROCESS
@EVERY_FILE
def test_a_container_reaches_whom_the_table_says(values: str, service: topology.Service) -> None:
    """Each address leads to the process behind it, at a port it listens on, and no policy is in between."""
    lab = rendered(values)
    environment = lab.environment(service.name)
    pod, _ = lab.container(service.name)
    for variable, (target, _) in service.calls.items():
        name, _, port_name = topology.target_key(target).partition(":")
        callee = topology.BY_NAME[name]
        if not callee.contained or compose.is_for_people(service, variable):
            continue
        variable_of_port = next(port.variable for port in callee.ports if port.name == port_name)
        listens = int(lab.environment(name)[variable_of_port])
        callee_pod, _ = lab.container(name)
        host, number = _host_and_port(environment[variable])

        if callee_pod == pod:
            assert (host, number) == ("127.0.0.1", listens)
        else:
            assert lab.behind(host, number) == (callee_pod, listens)
            assert lab.allows(pod, callee_pod, listens)
            assert lab.environment(name)["LISTEN_ADDR"] == "0.0.0.0"


@EVERY_PROCESS
@EVERY_FILE
def test_telemetry_reaches_the_store(values: str, service: topology.Service) -> None:
    """What sends, sends to our collector, or to the gateway before it, which passes it on."""
    lab = rendered(values)
    pod, _ = lab.container(service.name)
    if service.name in ("buttercup", "loadgen"):
        assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in lab.environment(service.name)
        return
    host, number = _host_and_port(lab.environment(service.name)["OTEL_EXPORTER_OTLP_ENDPOINT"])
    collector, _ = lab.container("collector")
    if pod == collector:
        assert (host, number) == ("127.0.0.1", 4318)
        return
    receiver, port = lab.behind(host, number)

    assert lab.allows(pod, receiver, port)
    if receiver == "gateway" and values == OVER_CLICKHOUSE:
        assert "CLICKHOUSE_ENDPOINT" in lab.environment("gateway")
        return
    if receiver == "gateway":
        host, number = _host_and_port(lab.environment("gateway")["HIPSTERLAB_OTLP_HTTP_URL"])
        receiver, port = lab.behind(host, number)
        assert lab.allows("gateway", receiver, port)
    assert (receiver, port) == (collector, 4318)


def _host_and_port(address: str) -> tuple[str, int]:
    found = re.fullmatch(r"(?:http://)?([^:/]+):(\d+)(?:/.*)?", address)
    assert found, address
    return found[1], int(found[2])


@EVERY_PROCESS
@EVERY_FILE
def test_kubernetes_asks_what_the_table_says(values: str, service: topology.Service) -> None:
    """Start, readiness and life, by gRPC health or the path; on loopback, by a command inside."""
    environment = rendered(values).environment(service.name)
    _, container = rendered(values).container(service.name)
    number = int(environment[service.ports[0].variable])
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container[kind]
        if environment["LISTEN_ADDR"] == "127.0.0.1":
            command = probe["exec"]["command"]
            assert command[:3] == ["python", "-m", "lab.supervision.health_check"]
            assert json.loads(command[3]) == {service.name: [service.ready, f"127.0.0.1:{number}"]}
        elif service.ready == topology.GRPC:
            assert probe["grpc"] == {"port": number}
        else:
            assert probe["httpGet"] == {"path": service.ready, "port": number}


@EVERY_FILE
def test_nobody_calls_whom_the_table_does_not_name(values: str) -> None:
    """Between workloads, the calls of the table are let through, and those of a cluster's own parts."""
    lab = rendered(values)
    pods = sorted(lab.workloads())
    screens, _ = lab.container("observer")
    ports = {
        port
        for entry in lab.table().values()
        for each in entry["processes"].values()
        for port in _numbers(each)
    }
    named = {
        (entry["from"], pod, entry["port"])
        for pod, found in lab.table().items()
        for entry in found["accepts"]
        if entry["port"] not in (8080, 8090) or pod not in ("frontend", screens)
    }
    own = {(pod, "gateway", 4318) for pod in pods} | {("loadgen-worker", "loadgen", chart.WORKERS_PORT)}
    own.add(("gateway", lab.container("collector")[0], 4318))
    for caller in pods:
        for callee in pods:
            for port in sorted(ports | {chart.WORKERS_PORT}):
                wire = (caller, callee, port)
                people = (callee, port) in (("frontend", 8080), (screens, 8090))
                if caller != callee and not people and lab.allows(*wire):
                    assert wire in named | own


def _numbers(process: dict[str, list[dict[str, int]]]) -> list[int]:
    return [port["number"] for port in process["ports"]]


@EVERY_FILE
def test_people_reach_shop_and_screens_and_nothing_else(values: str) -> None:
    """From outside the namespace two ports are open; Locust's page listens on loopback."""
    lab = rendered(values)
    open_ports = {
        (policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"], port["port"])
        for policy in lab.of("NetworkPolicy").values()
        for rule in policy["spec"].get("ingress") or ()
        for port in rule["ports"]
        if "from" not in rule or any("namespaceSelector" in peer for peer in rule["from"])
    }

    assert open_ports == {("frontend", 8080), (lab.container("observer")[0], 8090)}
    assert lab.environment("loadgen")["LISTEN_ADDR"] == "127.0.0.1"


@EVERY_FILE
def test_secrets_reach_their_holders_only(values: str) -> None:
    """The same processes as in `lab up`, by reference; without a Secret's name none."""
    lab = rendered(values)
    in_class = values != VALUES[0]
    for variable, holders in (
        ("SEAT_SECRET", planning.SEAT_SECRET_HOLDERS),
        ("LAB_TOKEN", planning.FLAGS_TOKEN_HOLDERS),
    ):
        found = {each.name for each in CONTAINED if variable in lab.environment(each.name)}
        assert found == (set(holders) if in_class else set())
        assert all("secretKeyRef" in lab.environment(name)[variable] for name in found)


@pytest.mark.parametrize("name", incidents.names())
def test_an_incident_brings_its_own_flags(name: str) -> None:
    """The file that the shop's processes watch is the one that `lab incident` writes."""
    config = rendered(VALUES[0], f"incident={name}").of("ConfigMap")["flags"]["data"]

    assert json.loads(config["flags.json"]) == incidents.flagd_document(incidents.load(name))


@EVERY_PROCESS
def test_every_process_sees_the_flags(service: topology.Service) -> None:
    """Who has the setting has the file."""
    lab: Rendered = rendered()
    if "HIPSTERLAB_FLAGS_FILE" not in {each.env for each in describe(settings_of(service.module))}:
        return
    _, container = lab.container(service.name)
    folders = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}

    assert lab.environment(service.name)["HIPSTERLAB_FLAGS_FILE"] == f"{folders['flags']}/flags.json"


def test_telemetry_names_the_class() -> None:
    """Without a name of its own, the environment is the namespace, so that two classes are told apart."""
    shop = [service.name for service in CONTAINED if service.module.startswith("services.")]

    assert {rendered().environment(name)["DEPLOYMENT_ENVIRONMENT"] for name in shop} == {NAMESPACE}
