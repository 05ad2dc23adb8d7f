"""Assigns a host and port to every port of the table: fixed, chosen by `--port`, or any free one."""

from __future__ import annotations

from lab.errors import LabError
from lab.plan import topology
from lab.plan.free_ports import free_ports, is_free
from lab.plan.host_addresses import LOOPBACK, Address
from lab.plan.options import Options
from lab.plan.port_holder import holder

COLLECTOR = "collector"


def assign_ports(options: Options) -> dict[str, Address]:
    """The address of every port of the table, by its key (`collector:http`).

    Raises LabError naming the first port that is taken, its purpose, and the option that helps.
    """
    book: dict[str, Address] = {}
    open_keys: list[str] = []
    for service, port in topology.ports():
        key = topology.port_key(service.name, port.name)
        host = _host(options, service.name, port)
        number = options.ports.get(key) or (None if options.free_ports else port.fixed)
        if number is None:
            open_keys.append(key)
        elif is_free(host, number):
            _require_distinct(number, book, port)
            book[key] = (host, number)
        elif service.name == "loadgen" and not options.load and key not in options.ports:
            # Load that may be started later must not keep the lab from starting now.
            open_keys.append(key)
        else:
            raise LabError(
                f"Port {number}, meant for {port.label or service.name}, is in use by another program"
                + (f": {program}." if (program := holder(number)) else "."),
                "Stop that program, or start with --free-ports"
                + (f" or --port {port.option}=NUMBER." if port.option else "."),
            )
    taken = {number for _, number in book.values()}
    numbers = free_ports(len(open_keys), options.host or "0.0.0.0", taken)
    for key, number in zip(open_keys, numbers, strict=True):
        book[key] = (_host(options, key.partition(":")[0], topology.port(key)), number)
    return book


def _host(options: Options, service_name: str, port: topology.Port) -> str:
    # In a class telemetry comes from the shop alone; students need no port of the collector.
    closed = options.class_mode and not options.open_otlp and service_name == COLLECTOR
    return options.host if port.public and not closed else LOOPBACK


def _require_distinct(number: int, book: dict[str, Address], port: topology.Port) -> None:
    """Raise LabError when an earlier port of this lab has the number."""
    key = next((key for key, (_, other) in book.items() if other == number), None)
    if key is None:
        return
    other = topology.port(key)
    raise LabError(
        f"Port {number} is meant for both {other.label or key} and {port.label}.",
        f"Give one of them another: --port {other.option}=NUMBER or --port {port.option}=NUMBER.",
    )
