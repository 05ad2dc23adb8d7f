"""The options of `lab up`, checked, as the planning and the launch take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.paths import data_dir
from lab.plan.host_addresses import LOOPBACK

DEFAULT_INCIDENT = "invalid-token"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one lab. `seed` None keeps the store; `ports` maps `service:port` to a number.

    `public_url` and `observer_url` are the addresses of the shop and the observer for links; empty where
    readers find them at the host they came by. `roster` are the people of a class (`class_mode`), all of
    them; empty goes on with those that it has. `replace_roster` lets seats in use leave it. `given` names
    the options that the user chose: a class goes on with its own host and incident where they were not.
    The shop is healthy for `healthy_first_s` before the incident begins. `store` is the address of the
    store, empty for the file in `data`.
    """

    host: str = LOOPBACK
    free_ports: bool = False
    data: Path = field(default_factory=data_dir)
    seed: int | None = None
    load: bool = True
    users: int = 10
    incident: str = DEFAULT_INCIDENT
    class_mode: bool = False
    roster: tuple[str, ...] = ()
    open_otlp: bool = False
    healthy_first_s: int = 0
    given: tuple[str, ...] = ()
    replace_roster: bool = False
    public_url: str = ""
    observer_url: str = ""
    store: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
