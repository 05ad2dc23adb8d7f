"""The plan of a lab: environments, ports and their clashes, addresses for every kind of host."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.commands import up
from lab.errors import LabError, UsageError
from lab.plan import free_ports, host_addresses, planning, port_assignment, topology
from lab.plan.lab_plan import LabPlan
from lab.plan.options import Options
from lab.state import run_folder
from tests.helpers import free_port


def build(folder: Path, options: Options | None = None, **environment: str) -> LabPlan:
    """A plan on free ports, from an environment that holds nothing else."""
    chosen = options or Options(free_ports=True, data=folder / "data")
    return planning.build(chosen, folder, environment=environment)


@contextmanager
def held_port() -> Iterator[int]:
    """A loopback port on which another program listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_every_process_gets_the_files_of_its_run_folder(tmp_path: Path) -> None:
    """Flags and status are in the run folder, store and carts in the data folder."""
    built = build(tmp_path)
    for process in built.processes:
        assert process.environment["HIPSTERLAB_FLAGS_FILE"] == str(tmp_path / run_folder.FLAGS)
        assert process.environment["LAB_STATUS_FILE"] == str(tmp_path / run_folder.STATUS)
        assert process.environment["STORE_PATH"] == str(tmp_path / "data" / run_folder.STORE)
        assert process.environment["CART_DB"] == str(tmp_path / "data" / run_folder.CARTS)
    assert built.log_dir == tmp_path / "logs"


def test_only_who_writes_or_reads_telemetry_knows_the_store(tmp_path: Path) -> None:
    """The address of a server often holds a password; an option is stronger than a variable."""
    address, other = "clickhouse://me:secret@host/otel", "clickhouse://other/otel"
    chosen = Options(free_ports=True, data=tmp_path, store=address)
    for options, environment, expected in (
        (chosen, {"STORE_URL": other}, address),
        (Options(free_ports=True, data=tmp_path), {"STORE_URL": other}, other),
        (Options(free_ports=True, data=tmp_path), {}, None),
    ):
        built = planning.build(options, tmp_path, environment=environment)
        told = {each.name: each.environment.get("STORE_URL") for each in built.processes}
        assert {name for name, url in told.items() if url} <= {"collector", "observer", "alerting"}
        assert {told[name] for name in ("collector", "observer", "alerting")} == {expected}


@pytest.mark.parametrize(("seed", "expected"), [(None, str(planning.DEFAULT_SEED)), (0, "0"), (7, "7")])
def test_the_seed_reaches_every_process(tmp_path: Path, seed: int | None, expected: str) -> None:
    """Without --seed it is a fixed number; 0 is a seed like any other."""
    built = build(tmp_path, Options(free_ports=True, data=tmp_path, seed=seed))

    assert {process.environment["HIPSTERLAB_SEED"] for process in built.processes} == {expected}


def test_the_users_own_choices_stay(tmp_path: Path) -> None:
    """The time zone passes, and the lab's name and web files can be chosen."""
    built = build(tmp_path, DEPLOYMENT_ENVIRONMENT="class-7", HIPSTERLAB_WEB_DIR="/srv/web", TZ="Asia/Tokyo")
    environment = built.processes[0].environment

    assert environment["DEPLOYMENT_ENVIRONMENT"] == "class-7"
    assert environment["HIPSTERLAB_WEB_DIR"] == "/srv/web"
    assert environment["TZ"] == "Asia/Tokyo"


@pytest.mark.parametrize("name", ["PORT", "LISTEN_ADDR", "PYTHONHASHSEED", "SEAT_SECRET", "SHOP_PUBLIC_URL"])
def test_variables_that_the_plan_sets_are_not_inherited(tmp_path: Path, name: str) -> None:
    """A value of the user's shell would reach processes for which the plan has none."""
    built = planning.build(
        Options(free_ports=True, data=tmp_path), tmp_path, environment={name: "of-the-shell"}
    )

    assert name not in built.environment


def test_alerts_have_a_file_in_the_data_folder_and_rules_a_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who evaluates and who shows name the same file; a folder of rules is found from any directory."""
    monkeypatch.chdir(tmp_path)
    built = build(tmp_path, DETECTORS_DIR="rules", ALERT_WEBHOOK_URL="http://127.0.0.1:9/x")
    by_name = {process.name: process.environment for process in built.processes}

    files = {by_name[name]["ALERTS_DB"] for name in ("alerting", "observer")}
    assert [Path(file).name for file in files] == ["alerts.db"]
    assert by_name["alerting"]["DETECTORS_DIR"] == str(tmp_path / "rules")
    assert by_name["alerting"]["ALERT_WEBHOOK_URL"] == "http://127.0.0.1:9/x"
    assert {"ALERTS_DB", "ALERT_WEBHOOK_URL"} & by_name["frontend"].keys() == set()


def test_no_process_goes_through_a_proxy(tmp_path: Path) -> None:
    """Whatever the shell names, and both spellings except loopback, which a system's own proxy would take."""
    environment = build(
        tmp_path, no_proxy="intranet,", HTTP_PROXY="http://proxy", https_proxy="x"
    ).environment

    assert environment["NO_PROXY"] == environment["no_proxy"] == "127.0.0.1,localhost,::1"
    assert not {"HTTP_PROXY", "https_proxy"} & set(environment)


def test_the_order_of_start_and_stop_is_in_the_plan(tmp_path: Path) -> None:
    """Load follows the readiness, the proof does not wait for the observer, the collector stops last."""
    by_name = {process.name: process for process in build(tmp_path).processes}

    assert [name for name, process in by_name.items() if not process.gates] == ["loadgen"]
    assert {name for name, process in by_name.items() if not process.proves} == {
        "loadgen",
        "observer",
        "control",
    }
    assert [name for name, process in by_name.items() if process.last] == ["collector"]


def test_the_fixed_ports_are_those_of_the_help_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without options shop, observer, OTLP and Locust have the numbers that `up --help` prints."""
    monkeypatch.setattr(port_assignment, "is_free", lambda *_: True)
    book = port_assignment.assign_ports(Options(data=tmp_path))
    fixed = {key: book[key][1] for key in topology.port_options().values()}

    assert sorted(fixed.values()) == [4317, 4318, 8080, 8089, 8090]
    assert all(str(number) in up.EPILOG for number in fixed.values())


def test_two_ports_with_one_number_are_refused_by_name(tmp_path: Path) -> None:
    """`--port shop=N --port observer=N` ends before anything starts, with both options in the remedy."""
    port = free_port()
    chosen = up.parse_ports([f"shop={port}", f"observer={port}"])
    with pytest.raises(LabError, match=f"Port {port} is meant for both") as raised:
        build(tmp_path, Options(free_ports=True, data=tmp_path, ports=chosen))

    assert "--port observer=NUMBER" in raised.value.remedy
    assert "--port shop=NUMBER" in raised.value.remedy


def test_a_chosen_port_that_is_another_ones_fixed_port_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--port shop=8090` takes the observer's own number."""
    monkeypatch.setattr(port_assignment, "is_free", lambda *_: True)
    with pytest.raises(LabError, match="Port 8090 is meant for both the observer and the shop"):
        build(tmp_path, Options(data=tmp_path, ports={"frontend:http": 8090}))


@pytest.mark.parametrize("text", ["shop", "shop=", "shop=0", "shop=65536", "shop=http", "payment=9000", "=1"])
def test_a_malformed_port_option_is_refused(text: str) -> None:
    """The remedy names the form and every name that can be used."""
    with pytest.raises(UsageError) as raised:
        up.parse_ports([text])

    assert text in raised.value.message
    assert "otlp-grpc" in raised.value.remedy


def test_a_port_that_was_chosen_must_be_free_even_without_load(tmp_path: Path) -> None:
    """`--port locust=N --no-load` with a taken number is refused, not replaced."""
    with held_port() as port:
        options = Options(free_ports=True, load=False, data=tmp_path, ports={"loadgen:http": port})
        with pytest.raises(LabError, match="Locust's web page"):
            build(tmp_path, options)


def test_locusts_own_port_is_not_needed_without_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --no-load another number is assigned where 8089 is in use."""
    monkeypatch.setattr(port_assignment, "is_free", lambda _, port: port != 8089)
    book = port_assignment.assign_ports(Options(load=False, data=tmp_path))

    assert book["loadgen:http"][1] not in (None, 8089)
    with pytest.raises(LabError, match="Port 8089, meant for Locust's web page"):
        port_assignment.assign_ports(Options(data=tmp_path))


def test_a_port_of_the_administrator_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A refused bind below 1024 names the number and a remedy."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(LabError, match="Port 80 may only be used") as raised:
        free_ports.is_free("127.0.0.1", 80)

    assert "above 1023" in raised.value.remedy


def test_free_ports_are_different_and_none_of_the_taken() -> None:
    """Below the range of outgoing connections, each one free on its host."""
    taken = set(free_ports.free_ports(3))
    found = free_ports.free_ports(40, taken=taken)

    assert len(set(found)) == 40
    assert not taken & set(found)
    assert all(number >= free_ports.LOWEST for number in found)


def test_a_machine_without_free_ports_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The range that was searched is named."""
    monkeypatch.setattr(free_ports, "is_free", lambda *_: False)
    monkeypatch.setattr(free_ports, "_ephemeral_start", lambda: 20_010)
    with pytest.raises(LabError, match="no 2 free ports between 20000 and 20009"):
        free_ports.free_ports(2)


@pytest.mark.parametrize(
    ("content", "first"),
    [("32768\t60999\n", 32_768), ("1024 60999", 65_535), ("", 32_768), ("many", 32_768)],
)
def test_the_range_of_outgoing_connections_is_avoided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, first: int
) -> None:
    """As the kernel states it; where it begins too low or is unreadable, a default is used."""
    file = tmp_path / "range"
    file.write_text(content, "ascii")
    monkeypatch.setattr(free_ports, "_RANGE_FILE", file)

    assert free_ports._ephemeral_start() == first


@pytest.mark.parametrize(
    ("host", "called"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("10.1.2.3", "10.1.2.3")],
)
def test_a_wildcard_is_called_over_loopback(host: str, called: str) -> None:
    """No client can connect to a wildcard on every system."""
    assert host_addresses.reachable((host, 80)) == (called, 80)


def test_an_ipv6_host_gets_its_brackets() -> None:
    """In addresses and in URLs."""
    assert host_addresses.formatted("{host}:{port}", ("::1", 80)) == "[::1]:80"
    assert host_addresses.formatted("http://{host}:{port}", ("127.0.0.1", 80)) == "http://127.0.0.1:80"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_other_machines_get_this_machines_address(host: str) -> None:
    """A lab on every network is named by the address of its default route, whatever that is here."""
    address = host_addresses.outside_address("http://127.0.0.1:8080", host)

    assert address.startswith("http://")
    assert address.endswith(":8080")
    assert "0.0.0.0" not in address


def test_without_a_network_the_address_is_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any route still prints an address."""

    def refuse(*_: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", refuse)

    assert host_addresses.own_address() == "127.0.0.1"


def test_a_service_is_checked_by_grpc_or_by_http() -> None:
    """The kind of each readiness check follows from its `ready`."""
    kinds = {service.name: service.ready_kind for service in topology.SERVICES}

    assert kinds["paymentservice"] == topology.GRPC
    assert {name for name, kind in kinds.items() if kind == topology.HTTP} == {
        "collector",
        "observer",
        "alerting",
        "frontend",
        "buttercup",
        "control",
        "loadgen",
    }


SECRETS = {"seat": "SEAT_SECRET", "control": "CONTROL_TOKEN", "flags": "LAB_TOKEN"}


def test_each_secret_is_in_the_environment_of_its_holders_alone(tmp_path: Path) -> None:
    """What opens the control process is in no process of the shop, and none of them inherits a secret."""
    options = Options(free_ports=True, data=tmp_path, class_mode=True)
    built = planning.build(
        options,
        tmp_path,
        seat_secret="seat",
        control_token="control",
        flags_token="flags",
        environment=dict.fromkeys(SECRETS.values(), "of-the-shell"),
    )
    holders = {
        secret: {
            process.name
            for process in built.processes
            if secret in process.environment.values() or process.environment.get(variable)
        }
        for secret, variable in SECRETS.items()
    }

    assert holders == {
        "seat": {"frontend", "observer"},
        "control": {"control", "observer"},
        "flags": {"observer", "frontend", "buttercup"},
    }
    assert not set(SECRETS.values()) & built.environment.keys()
