"""The observer's settings: names, defaults and limits."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from runtime.listener_settings import (
    body_s_setting,
    header_s_setting,
    idle_s_setting,
    most_connections_setting,
)
from runtime.proxy import TrustedProxies, trusted_proxies_setting
from runtime.settings import ADDRESS, HTTP_URL, PATH, PORT, PUBLIC_ADDRESS, setting, whole_number
from store.api import Operation

_THREADS = whole_number(1, 64)
_PROCESSES = whole_number(0, 2)


@dataclass(frozen=True, slots=True)
class Settings:
    """The store to read, the addresses to show, and where to listen."""

    port: int = setting(8090, "PORT", "TCP port to listen on; 0 takes any free one.", PORT)
    listen_addr: str = setting("127.0.0.1", "LISTEN_ADDR", "Address to listen on.")
    store_path: Path = setting(
        Path("hipster-lab.db"), "STORE_PATH", "File of the store that a collector writes.", PATH
    )
    store_url: str = setting(
        "",
        "STORE_URL",
        "Address of the store: sqlite:///folder/file or clickhouse://user:password@host:8123/database; "
        "empty: the file of STORE_PATH.",
        secret=True,
    )
    lab_status_file: str = setting(
        "", "LAB_STATUS_FILE", "JSON that the lab writes about its processes; empty where there is no lab."
    )
    flags_file: str = setting(
        "",
        "HIPSTERLAB_FLAGS_FILE",
        "Flags of the running incident: orders since it was written count for the lesson; empty: all do.",
    )
    shop_url: str = setting(
        "", "SHOP_URL", "Address of the shop, for links; empty where there is none.", HTTP_URL
    )
    shop_public_url: str = setting(
        "",
        "SHOP_PUBLIC_URL",
        "Address at which readers reach the shop; empty: at the host by which they reached the screens.",
        PUBLIC_ADDRESS,
    )
    observer_public_url: str = setting(
        "",
        "OBSERVER_PUBLIC_URL",
        "Address at which readers reach the screens; empty: at the host by which they came.",
        PUBLIC_ADDRESS,
    )
    seat_secret: str = setting(
        "",
        "SEAT_SECRET",
        "Class mode: only links and cookies signed with it give a seat; empty is open mode.",
        secret=True,
    )
    class_db: Path | None = setting(
        None,
        "CLASS_DB",
        "File of the class: marks, answers and messages, and in class mode the roster and its codes.",
        PATH,
    )
    alerts_db: Path | None = setting(
        None,
        "ALERTS_DB",
        "File of alerts that the process `alerting` writes; empty: the screens have none.",
        PATH,
    )
    alerts_url: str = setting(
        "",
        "ALERTS_URL",
        "Address of the process `alerting` on another machine, asked instead of the file; with ALERTS_TOKEN.",
        HTTP_URL,
    )
    alerts_token: str = setting(
        "", "ALERTS_TOKEN", "The token that `alerting` asks of screens on other machines.", secret=True
    )
    control_url: str = setting(
        "",
        "CONTROL_URL",
        "Address of the lab's control process, by which the desk changes the lab; empty where there is none.",
        HTTP_URL,
    )
    control_token: str = setting("", "CONTROL_TOKEN", "Sent as a bearer to the control process.", secret=True)
    lab_token: str = setting(
        "", "LAB_TOKEN", "Sent as a bearer to the shop's processes, to read their flags.", secret=True
    )
    order_route: str = setting(
        "/cart/checkout",
        "ORDER_ROUTE",
        "Route (`http.route`) of the POST that places an order: by it the desk counts the orders of a seat.",
    )
    key_operations: str = setting(
        "",
        "KEY_OPERATIONS",
        "Operations by which an incident is measured, the first that has requests: `service:operation`, "
        "separated by semicolons. Empty: the operation with the most errors that people meet.",
    )
    otlp_http_url: str = setting(
        "http://127.0.0.1:4318", "OTLP_HTTP_URL", "Address for OTLP over HTTP, shown to people.", HTTP_URL
    )
    otlp_grpc_addr: str = setting(
        "127.0.0.1:4317", "OTLP_GRPC_ADDR", "Address for OTLP over gRPC, shown to people.", ADDRESS
    )
    web_dir: Path = setting(
        Path(sys.prefix) / "web",
        "HIPSTERLAB_WEB_DIR",
        "Folder of the installed browser files: the typeface and htmx. Without them pages use the system "
        "font, and nothing is updated in place.",
        PATH,
        shown="`web` in the Python environment",
    )
    collector_url: str = setting(
        "",
        "COLLECTOR_URL",
        "Address of the collector that writes the store, asked whether it can; empty: it is not asked.",
        HTTP_URL,
    )
    threads: int = setting(
        16, "OBSERVER_THREADS", "Requests served at once; half of them may wait for costly ones.", _THREADS
    )
    reader_processes: int = setting(
        2,
        "OBSERVER_READER_PROCESSES",
        "Processes of lower priority that read the store for costly questions, started when these meet "
        "others; 0: all are answered in the observer's own.",
        _PROCESSES,
    )
    most_connections: int = most_connections_setting()
    header_s: int = header_s_setting()
    body_s: int = body_s_setting()
    idle_s: int = idle_s_setting()
    trusted_proxies: TrustedProxies = trusted_proxies_setting()

    @property
    def measured_operations(self) -> tuple[Operation, ...]:
        """Those of `key_operations`, in order; what is no `service:operation` is left out."""
        parts = (part.strip().partition(":") for part in self.key_operations.split(";"))
        return tuple(
            Operation(unquote(service.strip()), operation.strip())
            for service, _, operation in parts
            if service.strip() and operation.strip()
        )

    @property
    def class_mode(self) -> bool:
        """Whether seats are given by signature only."""
        return bool(self.seat_secret)

    @property
    def store_place(self) -> str | Path:
        """Where the store is: an address or a file."""
        return self.store_url or self.store_path
