"""The table of processes, and everything that is derived from it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.plan import planning, topology
from lab.plan.lab_plan import LabPlan
from lab.plan.options import Options
from tests.helpers import free_port

NAMES = {
    "frontend",
    "checkoutservice",
    "paymentservice",
    "cartservice",
    "productcatalogservice",
    "currencyservice",
    "shippingservice",
    "emailservice",
    "recommendationservice",
    "adservice",
    "alerting",
    "buttercup",
    "control",
    "collector",
    "observer",
    "loadgen",
}


def build(run_dir: Path, options: Options, **environment: str) -> LabPlan:
    """A plan from an environment that holds nothing else."""
    return planning.build(options, run_dir, environment={"PATH": "/usr/bin", **environment})


@pytest.fixture(name="built")
def _built(tmp_path: Path) -> LabPlan:
    return build(tmp_path, Options(free_ports=True, data=tmp_path))


def test_the_table_names_every_process_of_the_lab() -> None:
    """The names are those that telemetry and status use, each once."""
    assert {service.name for service in topology.SERVICES} == NAMES
    assert len(topology.SERVICES) == len(NAMES)


@pytest.mark.parametrize("service", topology.SERVICES, ids=lambda service: service.name)
def test_every_module_of_the_table_can_be_run(service: topology.Service) -> None:
    """`python -m <module>` finds a package with a main module."""
    assert importlib.util.find_spec(f"{service.module}.__main__") is not None


@pytest.mark.parametrize("service", topology.SERVICES, ids=lambda service: service.name)
def test_what_a_process_waits_for_or_calls_exists(service: topology.Service) -> None:
    """Every name in `after` and `calls` is a process or port of the table."""
    assert set(service.after) <= NAMES
    keys = {topology.port_key(each.name, port.name) for each, port in topology.ports()}
    assert {topology.target_key(target) for target, _ in service.calls.values()} <= keys


def test_no_process_waits_for_itself_in_a_circle() -> None:
    """The order of start exists."""
    placed: set[str] = set()
    while len(placed) < len(NAMES):
        free = {s.name for s in topology.SERVICES if set(s.after) <= placed} - placed
        assert free, f"a circle among {NAMES - placed}"
        placed |= free


def test_callers_get_the_ports_that_their_callees_get(built: LabPlan) -> None:
    """checkoutservice's PAYMENT_SERVICE_ADDR is where paymentservice listens, and so on for every wire."""
    by_name = {entry.name: entry for entry in built.processes}
    for service in topology.SERVICES:
        for variable, (target, shape) in service.calls.items():
            name, _, port_name = topology.target_key(target).partition(":")
            port = next(port for port in topology.BY_NAME[name].ports if port.name == port_name)
            number = by_name[name].environment[port.variable]

            assert by_name[service.name].environment[variable] == shape.format(host="127.0.0.1", port=number)


def test_no_port_is_given_twice(built: LabPlan) -> None:
    """Every port of every process is its own."""
    by_name = {entry.name: entry for entry in built.processes}
    numbers = [by_name[service.name].environment[port.variable] for service, port in topology.ports()]

    assert len(set(numbers)) == len(numbers)


def test_only_public_ports_follow_the_host(tmp_path: Path) -> None:
    """`--host 0.0.0.0` opens the shop, the observer and OTLP; Locust's page has no password."""
    built = build(tmp_path, Options(host="0.0.0.0", free_ports=True, data=tmp_path))
    open_to_all = {entry.name for entry in built.processes if entry.environment["LISTEN_ADDR"] == "0.0.0.0"}

    assert open_to_all == {"frontend", "observer", "collector"}
    assert built.urls["shop"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("open_otlp", [False, True])
def test_a_class_opens_the_collector_only_when_asked(tmp_path: Path, *, open_otlp: bool) -> None:
    """Students need the shop and the observer; anybody's telemetry would make ghost seats."""
    chosen = Options(host="0.0.0.0", free_ports=True, data=tmp_path, class_mode=True, open_otlp=open_otlp)
    built = build(tmp_path, chosen)
    open_to_all = {entry.name for entry in built.processes if entry.environment["LISTEN_ADDR"] == "0.0.0.0"}

    assert open_to_all == {"frontend", "observer"} | ({"collector"} if open_otlp else set())


def test_a_port_can_be_chosen(tmp_path: Path) -> None:
    """`--port shop=N` is where the shop is then."""
    port = free_port()
    built = build(tmp_path, Options(free_ports=True, data=tmp_path, ports={"frontend:http": port}))

    assert built.urls["shop"] == f"http://127.0.0.1:{port}"


def test_a_taken_port_is_named_with_its_owner_and_the_remedy(tmp_path: Path) -> None:
    """One sentence: the number, what it was meant for, which option helps."""
    import socket

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(LabError) as raised:
            build(tmp_path, Options(free_ports=True, data=tmp_path, ports={"observer:http": port}))

    assert str(port) in raised.value.message
    assert "observer" in raised.value.message
    assert "--free-ports or --port observer=NUMBER" in raised.value.remedy


def test_an_address_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """A host of another machine gets a sentence, not a stack trace."""
    with pytest.raises(LabError, match="not an address of this machine"):
        build(tmp_path, Options(host="192.0.2.1", free_ports=True, data=tmp_path))


def test_a_users_own_telemetry_settings_do_not_steer_the_lab(tmp_path: Path) -> None:
    """OTEL_EXPORTER_OTLP_TRACES_ENDPOINT of the shell would send the lab's spans away."""
    built = build(
        tmp_path,
        Options(free_ports=True, data=tmp_path),
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://elsewhere",
        OTEL_SDK_DISABLED="true",
        PORT="1",
        NO_PROXY="intranet",
    )
    for entry in built.processes:
        assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" not in entry.environment
        assert "OTEL_SDK_DISABLED" not in entry.environment
        assert entry.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == built.urls["otlp_http"]
        assert entry.environment["NO_PROXY"].startswith("127.0.0.1")
        assert "intranet" not in entry.environment["NO_PROXY"]


def test_without_load_locust_is_off(tmp_path: Path) -> None:
    """`--no-load` keeps loadgen in the table, off, so that `lab load` can start it."""
    built = build(tmp_path, Options(free_ports=True, data=tmp_path, load=False))
    loadgen = next(entry for entry in built.processes if entry.name == "loadgen")

    assert loadgen.enabled is False
