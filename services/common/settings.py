"""The settings that every process of the shop has. `OTEL_*` is read by the telemetry itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.settings import INTEGER, PATH, PORT, setting


@dataclass(frozen=True, slots=True)
class CommonSettings:
    """Where to listen, which environment and flags; a service adds its own settings by inheritance."""

    port: int = setting(0, "PORT", "TCP port to listen on; 0 takes any free one.", PORT)
    listen_addr: str = setting("127.0.0.1", "LISTEN_ADDR", "Address to listen on.")
    environment: str = setting(
        "hipster-lab", "DEPLOYMENT_ENVIRONMENT", "Name of the environment on all telemetry."
    )
    flags_file: Path | None = setting(
        None, "HIPSTERLAB_FLAGS_FILE", "flagd JSON file of the faults; without it the shop is healthy.", PATH
    )
    seed: int | None = setting(
        None, "HIPSTERLAB_SEED", "Makes random choices repeatable; without it each start differs.", INTEGER
    )
