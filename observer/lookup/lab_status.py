"""The lab's status document (LAB_STATUS_FILE), read leniently.

A missing or malformed document is not an error: without a lab the screens use the
addresses of their settings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from observer.settings import Settings
from runtime.addresses import as_reached

_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Process:
    """One process that the lab supervises."""

    name: str
    state: str
    restarts: int
    address: str


@dataclass(frozen=True, slots=True)
class Lab:
    """The lab's addresses, and its processes and incident if it runs."""

    shop: str
    otlp_http: str
    otlp_grpc: str
    observer: str
    loadgen: str
    processes: tuple[Process, ...]
    ready: bool | None
    """None without a status document."""
    incident: str | None
    """The running incident's name, if there is one."""


def lab_of(settings: Settings, reader_host: str = "") -> Lab:
    """The lab by its status document; what that lacks comes from the settings.

    Addresses are those by which the reader reaches them, whose request had this `Host` header; the
    shop's is the public one where the settings name one.
    """
    document = _read(settings.lab_status_file)
    urls = document.get("urls")
    urls = urls if isinstance(urls, Mapping) else {}

    def url(name: str, default: str) -> str:
        found = urls.get(name)
        known = found if isinstance(found, str) and found else default
        return as_reached(known, reader_host, settings.listen_addr)

    ready = document.get("ready")
    incident = document.get("incident")
    return Lab(
        shop=settings.shop_public_url or url("shop", settings.shop_url).rstrip("/"),
        otlp_http=url("otlp_http", settings.otlp_http_url).rstrip("/"),
        otlp_grpc=url("otlp_grpc", settings.otlp_grpc_addr),
        observer=url("observer", ""),
        loadgen=url("loadgen", ""),
        processes=_processes(document.get("processes")),
        ready=ready if isinstance(ready, bool) else None,
        incident=incident if isinstance(incident, str) and incident else None,
    )


def _read(path: str) -> Mapping[str, object]:
    if not path:
        return {}
    file = Path(path)
    try:
        if file.stat().st_size > _MAX_BYTES:
            return {}
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _processes(rows: object) -> tuple[Process, ...]:
    if not isinstance(rows, list):
        return ()
    return tuple(
        Process(
            name=str(row.get("name", "")),
            state=str(row.get("state", "")),
            restarts=row["restarts"] if isinstance(row.get("restarts"), int) else 0,
            address=str(row.get("address") or ""),
        )
        for row in rows
        if isinstance(row, dict) and row.get("name")
    )
