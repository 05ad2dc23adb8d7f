"""The plan of a lab: which processes run with which environment, and which call proves that it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """A process to keep alive: `python -m module` with this environment.

    `ready` is `grpc`, an HTTP path requested from `address` (host:port), or empty for a process that is
    ready once it runs. `after` names processes that must be ready first. `fresh` forbids forking.
    `gates`: the lab is ready only with it. `proves`: the readiness proof waits for it. `last`: it is
    stopped after the others. `enabled`: it is started with the lab. `on_demand`: it is started when the
    first connection to `address` arrives; its listening socket is handed to it as `LISTENER_FD`.
    """

    name: str
    module: str
    environment: Mapping[str, str]
    address: str = ""
    ready: str = ""
    after: tuple[str, ...] = ()
    fresh: bool = False
    gates: bool = True
    proves: bool = True
    last: bool = False
    enabled: bool = True
    on_demand: bool = False


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """`python -m module arguments`."""

    module: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabPlan:
    """One lab: its folders, its processes, and what its fork server imports.

    `proof` is run when the processes are ready; without one the lab is ready then. It prints one JSON
    line, `{"passed", "detail", "remedy"}`.
    """

    run_dir: Path
    processes: tuple[ProcessPlan, ...]
    environment: Mapping[str, str]
    urls: Mapping[str, str] = field(default_factory=dict)
    preload: tuple[str, ...] = ()
    proof: ModuleCall | None = None
    notes: tuple[str, ...] = ()
    """What to say besides the addresses, a line each."""

    @property
    def log_dir(self) -> Path:
        """Where each process's output goes, as `<name>.log`."""
        return self.run_dir / "logs"
