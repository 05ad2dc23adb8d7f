"""From options to a plan: which ports, which environment for which process.

Knows the table in `lab.plan.topology` and the machine's ports; starts nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.paths import RUN_DIR, web_dir
from lab.plan import topology
from lab.plan.ports import free_ports, is_free
from lab.run.readiness_proof import SEAT
from lab.state.runfile import STATUS
from lab.state.seats import links
from lab.supervision.process import LabPlan, ProcessPlan

LOOPBACK = "127.0.0.1"
WILDCARDS = ("0.0.0.0", "::", "")
DEFAULT_SEED = 20_240_214
SECRET_VARIABLE = "SEAT_SECRET"  # noqa: S105  # the name of a variable
SEAT_SECRET_HOLDERS = ("frontend", "observer")
# What a user's shell may hold for another application and must not steer the lab's own telemetry.
_FOREIGN = ("OTEL_EXPORTER_", "OTEL_SERVICE_NAME", "OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER", "OTEL_PYTHON_")


@dataclass(frozen=True, slots=True)
class Options:
    """What `lab up` was asked for. `seed` None keeps the store; `ports` maps `service:port` to a number.

    `public_url` is the shop's address for links; empty where readers find it at the host they came by.
    """

    host: str = LOOPBACK
    free_ports: bool = False
    data: Path = RUN_DIR / "data"
    seed: int | None = None
    load: bool = True
    users: int = 10
    incident: str = "invalid-token"
    seats: bool = False
    public_url: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """What a person will meet: the status of the checkout's answer, the secret that signs seats (or none)."""

    checkout_status: int
    seat_secret: str = ""


Address = tuple[str, int]


def assign_ports(options: Options) -> dict[str, Address]:
    """An address for every port of the table.

    Raises LabError naming the first port that is taken, whose it is, and the option that helps.
    """
    book: dict[str, Address] = {}
    open_keys: list[str] = []
    for service, port in topology.ports():
        key = topology.port_key(service.name, port.name)
        host = options.host if port.public else LOOPBACK
        number = options.ports.get(key) or (None if options.free_ports else port.fixed)
        if number is None:
            open_keys.append(key)
            continue
        if (
            not options.load
            and service.name == "loadgen"
            and key not in options.ports
            and not is_free(host, number)
        ):
            open_keys.append(key)
            continue
        if not is_free(host, number):
            raise LabError(
                f"Port {number}, meant for {port.label or service.name}, is in use by another program.",
                "Stop that program, or start with --free-ports"
                + (f" or --port {port.option}=NUMBER." if port.option else "."),
            )
        book[key] = (host, number)
    taken = {number for _, number in book.values()}
    for key, number in zip(
        open_keys, free_ports(len(open_keys), options.host or "0.0.0.0", taken), strict=True
    ):
        name, _, port_name = key.partition(":")
        public = next(port.public for port in topology.BY_NAME[name].ports if port.name == port_name)
        book[key] = (options.host if public else LOOPBACK, number)
    return book


def reachable(address: Address) -> Address:
    """The address to call for an address that is listened on: a wildcard is reached over loopback."""
    host, port = address
    return (LOOPBACK if host in WILDCARDS else host, port)


def build(
    options: Options,
    run_dir: Path,
    story: Story,
    environment: Mapping[str, str] | None = None,
) -> LabPlan:
    """The whole plan. Raises LabError when a port cannot be had."""
    book = assign_ports(options)
    base = base_environment(os.environ if environment is None else environment, options, run_dir)
    base["OTEL_EXPORTER_OTLP_ENDPOINT"] = _format(topology.URL, reachable(book["collector:http"]))
    processes = tuple(
        _process(service, book, base | _seat_secret(service, story), options) for service in topology.SERVICES
    )
    urls = {
        "shop": _format(topology.URL, reachable(book["frontend:http"])),
        "observer": _format(topology.URL, reachable(book["observer:http"])),
        "otlp_http": _format(topology.URL, reachable(book["collector:http"])),
        "otlp_grpc": _format(topology.ADDRESS, reachable(book["collector:grpc"])),
    }
    entry = (_signed_entry(story.seat_secret),) if story.seat_secret else ()
    return LabPlan(
        run_dir=run_dir,
        processes=processes,
        environment=base,
        urls=urls,
        preload=topology.PRELOAD,
        probe=(urls["shop"], urls["observer"], str(story.checkout_status), *entry),
    )


def base_environment(outer: Mapping[str, str], options: Options, run_dir: Path) -> dict[str, str]:
    """What every process is told, over what the user's own environment says."""
    kept = {key: value for key, value in outer.items() if not key.startswith(_FOREIGN)}
    for unwanted in ("PORT", "LISTEN_ADDR", "PYTHONHASHSEED", "SEAT_SECRET", "SHOP_PUBLIC_URL"):
        kept.pop(unwanted, None)
    bypass = [part for part in (outer.get("NO_PROXY") or outer.get("no_proxy") or "").split(",") if part]
    kept["NO_PROXY"] = kept["no_proxy"] = ",".join([*bypass, "127.0.0.1", "localhost", "::1"])
    seed = DEFAULT_SEED if options.seed is None else options.seed
    kept |= {
        "PYTHONUNBUFFERED": "1",
        # Each thread's own heap costs memory that seventeen small processes never use.
        "MALLOC_ARENA_MAX": "2",
        "DEPLOYMENT_ENVIRONMENT": outer.get("DEPLOYMENT_ENVIRONMENT") or "hipster-lab",
        "HIPSTERLAB_SEED": str(seed),
        "HIPSTERLAB_FLAGS_FILE": str(run_dir / "flags.json"),
        "HIPSTERLAB_WEB_DIR": outer.get("HIPSTERLAB_WEB_DIR") or str(web_dir()),
        "STORE_PATH": str(options.data / "store.sqlite3"),
        "CART_DB": str(options.data / "carts.sqlite3"),
        "LAB_STATUS_FILE": str(run_dir / STATUS),
        "LOADGEN_USERS": str(options.users),
    }
    return kept


def _process(
    service: topology.Service, book: Mapping[str, Address], base: Mapping[str, str], options: Options
) -> ProcessPlan:
    own = dict(base)
    first = book[topology.port_key(service.name, service.ports[0].name)]
    own["LISTEN_ADDR"] = first[0] or "0.0.0.0"
    for port in service.ports:
        own[port.variable] = str(book[topology.port_key(service.name, port.name)][1])
    for variable, (target, shape) in service.calls.items():
        own[variable] = _format(shape, reachable(book[topology.target_key(target)]))
    if options.public_url and service.name == "observer":
        own["SHOP_PUBLIC_URL"] = options.public_url
    return ProcessPlan(
        name=service.name,
        module=service.module,
        environment=own,
        address=_format(topology.ADDRESS, reachable(first)),
        ready=service.ready,
        after=service.after,
        fresh=service.fresh,
        gates=service.name != "loadgen",
        # The proof asks the screens again and again; they may come up meanwhile.
        proves=service.name not in ("loadgen", "observer"),
        last=service.name == "collector",
        enabled=service.name != "loadgen" or options.load,
    )


def _seat_secret(service: topology.Service, story: Story) -> dict[str, str]:
    """The class's secret for who verifies links (the shop) or signs them (the screens), else nothing."""
    if not story.seat_secret or service.name not in SEAT_SECRET_HOLDERS:
        return {}
    return {SECRET_VARIABLE: story.seat_secret}


def _signed_entry(secret: str) -> str:
    """Path and query by which the proof of readiness takes its seat in a class."""
    return links("", [SEAT], secret)[0][1]


def _format(shape: str, address: Address) -> str:
    host, port = address
    return shape.format(host=f"[{host}]" if ":" in host else host, port=port)
