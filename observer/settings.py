"""The observer's settings: names, defaults and limits."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from runtime.addresses import base_address
from runtime.settings import ADDRESS, HTTP_URL, PATH, PORT, Kind, setting, whole_number

_BASE_ADDRESS = Kind("http:// or https://, a host and if need be a port", base_address)
_THREADS = whole_number(1, 64)


@dataclass(frozen=True, slots=True)
class Settings:
    """The store to read, the addresses to show, and where to listen."""

    port: int = setting(8090, "PORT", "TCP port to listen on; 0 takes any free one.", PORT)
    listen_addr: str = setting("127.0.0.1", "LISTEN_ADDR", "Address to listen on.")
    store_path: Path = setting(
        Path("hipster-lab.db"), "STORE_PATH", "File of the store that a collector writes.", PATH
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
        _BASE_ADDRESS,
    )
    seat_secret: str = setting(
        "",
        "SEAT_SECRET",
        "Class mode: signs the seat links that the screens offer; empty is open mode.",
        secret=True,
    )
    control_url: str = setting(
        "", "CONTROL_URL", "Address of the lab's control process; empty where there is none.", HTTP_URL
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
        "Folder of the installed browser files: the typeface; without it the system font is used.",
        PATH,
        shown="`web` in the Python environment",
    )
    threads: int = setting(6, "OBSERVER_THREADS", "Requests served at once.", _THREADS)
