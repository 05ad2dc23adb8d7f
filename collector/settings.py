"""The collector's settings: one dataclass, read from environment variables.

Owns names, defaults and limits; must not know what is done with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

_PORT = (0, 65_535)


class BadSetting(Exception):
    """A setting that cannot be used; the message names the key, the value and what is allowed."""


def _setting(env: str, default: object, help_text: str, bounds: tuple[int, int] | None = None) -> Any:
    return field(default=default, metadata={"env": env, "help": help_text, "bounds": bounds})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be configured; each field's metadata holds its variable and help."""

    listen_addr: str = _setting("LISTEN_ADDR", "127.0.0.1", "address to listen on")
    otlp_grpc_port: int = _setting("OTLP_GRPC_PORT", 4317, "port of OTLP/gRPC; 0 takes any", _PORT)
    otlp_http_port: int = _setting("OTLP_HTTP_PORT", 4318, "port of OTLP/HTTP and beacons; 0 any", _PORT)
    store_path: str = _setting("STORE_PATH", "hipster-lab.db", "file (or address) of the store")
    store_max_bytes: int = _setting(
        "STORE_MAX_BYTES", 2 * 1024**3, "oldest telemetry is pruned above this size", (1024**2, 1024**5)
    )
    store_max_age_s: int = _setting(
        "STORE_MAX_AGE_S", 7 * 86_400, "telemetry older than this is pruned", (1, 100 * 366 * 86_400)
    )
    max_request_bytes: int = _setting(
        "COLLECTOR_MAX_REQUEST_BYTES",
        16 * 1024**2,
        "largest request, as sent and as decompressed",
        (1024, 1024**3),
    )
    max_in_flight_bytes: int = _setting(
        "COLLECTOR_MAX_IN_FLIGHT_BYTES",
        64 * 1024**2,
        "requests being worked on together; beyond it senders are told to retry",
        (1024, 2**40),
    )
    threads: int = _setting("COLLECTOR_THREADS", 8, "worker threads of each receiver", (1, 256))
    idle_timeout_s: int = _setting(
        "COLLECTOR_IDLE_TIMEOUT_S", 30, "an HTTP connection silent for this long is closed", (1, 3_600)
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read every field's variable; absent or empty ones keep their default. Raises BadSetting."""
        values: dict[str, Any] = {}
        for each in fields(cls):
            text = environment.get(each.metadata["env"], "").strip()
            if text:
                values[each.name] = _parse(each, text)
        return cls(**values)


def _parse(each: Field[Any], text: str) -> object:
    bounds: tuple[int, int] | None = each.metadata["bounds"]
    if bounds is None:
        return text
    low, high = bounds
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise BadSetting(
            f"{each.metadata['env']}={text!r} cannot be used: a whole number from {low} to {high} is allowed"
        )
    return number


def help_text() -> str:
    """One line per variable: name, default, meaning."""
    lines = []
    for each in fields(Settings):
        default = each.default if each.default is not MISSING else ""
        lines.append(f"  {each.metadata['env']:<30} {each.metadata['help']} (default {default})")
    return "\n".join(lines)


def resolved_path(path: str) -> Path:
    """The store's file as an absolute path, `~` expanded."""
    return Path(path).expanduser().absolute()
