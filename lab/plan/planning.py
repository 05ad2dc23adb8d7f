"""Builds the plan of a lab from its options: which ports, and which environment for which process.

Knows the table in `lab.plan.topology` and the machine's ports; starts nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from lab.child_environment import FEW_ARENAS, Purpose, environment_of
from lab.paths import rules_dir, web_dir
from lab.plan import topology
from lab.plan.host_addresses import Address, formatted, reachable
from lab.plan.lab_plan import LabPlan, ProcessPlan
from lab.plan.options import Options
from lab.plan.port_assignment import assign_ports
from lab.state.run_folder import ALERTS, CARTS, CLASS, FLAGS, GENERATIONS, STATUS, STORE
from lab.state.seat_secret import VARIABLE as SEAT_SECRET
from runtime.seat_generations import FILE_VARIABLE as SEAT_GENERATIONS

DEFAULT_SEED = 20_240_214
SEAT_SECRET_HOLDERS = ("frontend", "observer")
"""The process that verifies seat links and the one that signs them."""
CONTROL_TOKEN = "CONTROL_TOKEN"  # noqa: S105 - the name of a variable
CONTROL_TOKEN_HOLDERS = ("control", "observer")
"""The control process and the desk, which asks it. No process of the shop: it would have the lab's power."""
FLAGS_TOKEN = "LAB_TOKEN"  # noqa: S105 - the name of a variable
FLAGS_TOKEN_HOLDERS = ("observer", "frontend", "buttercup")
"""Who answers with the state of flags over HTTP, and who asks."""
CLASS_FILE_HOLDERS = ("control", "observer")
WEBHOOK = "ALERT_WEBHOOK_URL"
STORE_URL = "STORE_URL"
STORE_HOLDERS = ("collector", "observer", "alerting")
"""Who writes and reads telemetry. An address of a server often holds a password."""
ALERT_FILE_HOLDERS = ("alerting", "observer")
SEAT_GENERATIONS_HOLDERS = ("control", "frontend")
"""Who writes which seats were freed, and who learns it from there."""
PUBLIC_URL_HOLDERS = ("frontend", "observer")
SCREENS_URL_HOLDERS = (*PUBLIC_URL_HOLDERS, "alerting")
"""Who puts links to the screens where people read them."""


def build(
    options: Options,
    run_dir: Path,
    *,
    seat_secret: str = "",
    control_token: str = "",
    flags_token: str = "",
    environment: Mapping[str, str] | None = None,
) -> LabPlan:
    """The plan of a lab, without the call that proves its readiness.

    `seat_secret` signs the seat links of a class; empty for an open lab. `control_token` opens the control
    interface, `flags_token` the states of flags. `environment` is the user's own (default: this process's).
    Raises LabError when a port is taken.
    """
    book = assign_ports(options)
    base = base_environment(os.environ if environment is None else environment, options, run_dir)
    base["OTEL_EXPORTER_OTLP_ENDPOINT"] = formatted(topology.URL, reachable(book["collector:http"]))
    secrets = _secrets(seat_secret, control_token, flags_token)
    processes = tuple(
        _process(service, book, base | secrets.get(service.name, {}), options, run_dir)
        for service in topology.SERVICES
    )
    urls = {
        "shop": formatted(topology.URL, reachable(book["frontend:http"])),
        "observer": formatted(topology.URL, reachable(book["observer:http"])),
        "otlp_http": formatted(topology.URL, reachable(book["collector:http"])),
        "otlp_grpc": formatted(topology.ADDRESS, reachable(book["collector:grpc"])),
    }
    return LabPlan(
        run_dir=run_dir, processes=processes, environment=base, urls=urls, preload=topology.PRELOAD
    )


def base_environment(outer: Mapping[str, str], options: Options, run_dir: Path) -> dict[str, str]:
    """The variables that every process gets: what passes of the user's own, those of the lab over them."""
    kept = environment_of(Purpose.PROCESS, outer)
    seed = DEFAULT_SEED if options.seed is None else options.seed
    kept |= {
        **FEW_ARENAS,
        "DEPLOYMENT_ENVIRONMENT": outer.get("DEPLOYMENT_ENVIRONMENT") or "hipster-lab",
        "HIPSTERLAB_SEED": str(seed),
        "HIPSTERLAB_FLAGS_FILE": str(run_dir / FLAGS),
        "HIPSTERLAB_WEB_DIR": outer.get("HIPSTERLAB_WEB_DIR") or str(web_dir()),
        "STORE_PATH": str(options.data / STORE),
        "CART_DB": str(options.data / CARTS),
        "LAB_STATUS_FILE": str(run_dir / STATUS),
        "LOADGEN_USERS": str(options.users),
    }
    if options.store:
        kept[STORE_URL] = options.store
    rules = kept.get("DETECTORS_DIR") or rules_dir()
    if rules:
        # Processes may have another working directory than the command.
        kept["DETECTORS_DIR"] = str(Path(rules).expanduser().absolute())
    return kept


def _secrets(seat_secret: str, control_token: str, flags_token: str) -> dict[str, dict[str, str]]:
    """What only some processes may know, by their names."""
    found: dict[str, dict[str, str]] = {}
    for variable, value, holders in (
        (SEAT_SECRET, seat_secret, SEAT_SECRET_HOLDERS),
        (CONTROL_TOKEN, control_token, CONTROL_TOKEN_HOLDERS),
        (FLAGS_TOKEN, flags_token, FLAGS_TOKEN_HOLDERS),
    ):
        for name in holders if value else ():
            found.setdefault(name, {})[variable] = value
    return found


def _process(
    service: topology.Service,
    book: Mapping[str, Address],
    base: Mapping[str, str],
    options: Options,
    run_dir: Path,
) -> ProcessPlan:
    own = dict(base)
    first = book[topology.port_key(service.name, service.ports[0].name)]
    own["LISTEN_ADDR"] = first[0] or "0.0.0.0"
    for port in service.ports:
        own[port.variable] = str(book[topology.port_key(service.name, port.name)][1])
    for variable, (target, shape) in service.calls.items():
        own[variable] = formatted(shape, reachable(book[topology.target_key(target)]))
    if service.name in CLASS_FILE_HOLDERS:
        own["CLASS_DB"] = str(options.data / CLASS)
    if service.name not in STORE_HOLDERS:
        own.pop(STORE_URL, None)
    if service.name != "alerting":
        # Such addresses often hold a token.
        own.pop(WEBHOOK, None)
    if service.name in ALERT_FILE_HOLDERS:
        own["ALERTS_DB"] = str(options.data / ALERTS)
    if options.class_mode and service.name in SEAT_GENERATIONS_HOLDERS:
        own[SEAT_GENERATIONS] = str(run_dir / GENERATIONS)
    if service.name in PUBLIC_URL_HOLDERS:
        own["SHOP_PUBLIC_URL"] = options.public_url
    if service.name in SCREENS_URL_HOLDERS:
        own["OBSERVER_PUBLIC_URL"] = options.observer_url
    return ProcessPlan(
        name=service.name,
        module=service.module,
        environment=own,
        address=formatted(topology.ADDRESS, reachable(first)),
        ready=service.ready,
        after=service.after,
        fresh=service.fresh,
        gates=service.name != "loadgen",
        # The proof polls the observer until it answers, so it may start before the observer is ready.
        proves=service.name not in ("loadgen", "observer", "control"),
        # The collector receives what the others export while they stop.
        last=service.name == "collector",
        enabled=service.name != "loadgen" or options.load,
        # A class uses it all the time, and a schedule must be kept whether or not somebody asks.
        on_demand=service.name == "control" and not options.class_mode and not options.healthy_first_s,
    )
