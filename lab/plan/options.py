"""The options of `lab up`, checked, as the planning and the launch take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.paths import RUN_DIR
from lab.plan.host_addresses import LOOPBACK
from lab.state.run_folder import DATA


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one lab. `seed` None keeps the store; `ports` maps `service:port` to a number.

    `public_url` is the shop's address for links; empty where readers find it at the host they came by.
    """

    host: str = LOOPBACK
    free_ports: bool = False
    data: Path = RUN_DIR / DATA
    seed: int | None = None
    load: bool = True
    users: int = 10
    incident: str = "invalid-token"
    seats: bool = False
    public_url: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
