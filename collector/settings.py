"""The collector's settings: names, defaults and limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.listener_settings import (
    body_s_setting,
    header_s_setting,
    most_connections_setting,
)
from runtime.settings import BOOLEAN, PATH, PORT, setting, whole_number

_THREADS = whole_number(1, 256)
_STORE_BYTES = whole_number(1024**2, 1024**5)
_STORE_AGE_S = whole_number(1, 100 * 366 * 86_400)
_SERIES = whole_number(1, 10**6)
_REQUEST_BYTES = whole_number(1024, 1024**3)
_IN_FLIGHT_BYTES = whole_number(1024, 1024**4)
_IDLE_S = whole_number(1, 3_600)


@dataclass(frozen=True, slots=True)
class Settings:
    """The receivers, the store and the limits."""

    listen_addr: str = setting("127.0.0.1", "LISTEN_ADDR", "Address to listen on.")
    otlp_grpc_port: int = setting(
        4317, "OTLP_GRPC_PORT", "Port of OTLP over gRPC; 0 takes any free one.", PORT
    )
    otlp_http_port: int = setting(
        4318, "OTLP_HTTP_PORT", "Port of OTLP over HTTP and of beacons; 0 takes any free one.", PORT
    )
    store_path: Path = setting(
        Path("hipster-lab.db"), "STORE_PATH", "File of the store, created if it is missing.", PATH
    )
    store_url: str = setting(
        "",
        "STORE_URL",
        "Address of the store: sqlite:///folder/file or clickhouse://user:password@host:8123/database; "
        "empty: the file of STORE_PATH.",
        secret=True,
    )
    store_max_bytes: int = setting(
        2 * 1024**3,
        "STORE_MAX_BYTES",
        "Size of the store above which the oldest telemetry is deleted.",
        _STORE_BYTES,
    )
    store_max_age_s: int = setting(
        7 * 86_400, "STORE_MAX_AGE_S", "Age in seconds from which telemetry is deleted.", _STORE_AGE_S
    )
    max_series_of_metric: int = setting(
        2_000,
        "STORE_MAX_SERIES_OF_METRIC",
        "Series of one metric with a point within an hour; points of further ones are refused.",
        _SERIES,
    )
    max_series: int = setting(20_000, "STORE_MAX_SERIES", "The same of all metrics together.", _SERIES)
    settle: bool = setting(
        True,
        "COLLECTOR_SETTLE",
        "Whether a process beside this one settles a prepared ClickHouse store.",
        BOOLEAN,
    )
    max_request_bytes: int = setting(
        16 * 1024**2,
        "COLLECTOR_MAX_REQUEST_BYTES",
        "Largest request, as sent and as decompressed.",
        _REQUEST_BYTES,
    )
    max_in_flight_bytes: int = setting(
        64 * 1024**2,
        "COLLECTOR_MAX_IN_FLIGHT_BYTES",
        "Size of all requests in work; above it senders are asked to retry.",
        _IN_FLIGHT_BYTES,
    )
    threads: int = setting(8, "COLLECTOR_THREADS", "Worker threads of each receiver.", _THREADS)
    most_connections: int = most_connections_setting()
    header_s: int = header_s_setting()
    body_s: int = body_s_setting()
    idle_s: int = setting(
        30, "COLLECTOR_IDLE_TIMEOUT_S", "Seconds after which a silent HTTP connection is closed.", _IDLE_S
    )

    @property
    def store_place(self) -> str | Path:
        """Where the store is: an address or a file."""
        return self.store_url or self.store_path
