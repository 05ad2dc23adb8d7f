"""A collector and an observer of ours, as processes of their own on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.helpers import eventually, free_port, running

SECOND = 10**9


@dataclass(frozen=True)
class Lab:
    """Where senders send to, and the observer's answers."""

    otlp: str
    api: str
    began_unix_nano: int
    """Before any sender; what rose until a first point lies after it."""
    otlp_grpc: str
    """`host:port`."""

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """What a route of the API answers, for 200."""
        response = requests.get(f"{self.api}{path}", params=parameters, timeout=20)
        assert response.status_code == 200, response.text[:300]
        answer: dict[str, Any] = response.json()
        return answer

    def chart(self, name: str, service: str, agg: str, **parameters: Any) -> dict[str, Any]:
        """One metric of one service, by default from before its first point on."""
        parameters.setdefault("from", self.began_unix_nano)
        attr = [f"service.name:{service}", *parameters.pop("attr", ())]
        return self.get(f"/metrics/{quote(name, safe='')}", agg=agg, attr=attr, **parameters)

    def value(self, name: str, service: str, agg: str, **parameters: Any) -> float:
        """That of a chart of one column and one series."""
        [series] = self.chart(name, service, agg, columns=1, **parameters)["series"]
        [[_, value]] = series["points"]
        assert isinstance(value, int | float)
        return value


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("senders")
    with over_store(folder) as found:
        yield found


@contextmanager
def over_store(folder: Path, url: str | None = None) -> Iterator[Lab]:
    """A collector and an observer over one store: a file in this folder, or what this address names."""
    store = {"STORE_PATH": str(folder / "store.db")} | ({"STORE_URL": url} if url else {})
    http, grpc, screens = free_port(), free_port(), free_port()
    ports = {"OTLP_HTTP_PORT": str(http), "OTLP_GRPC_PORT": str(grpc)}
    found = Lab(
        f"http://127.0.0.1:{http}", f"http://127.0.0.1:{screens}/api/v1", time.time_ns(), f"127.0.0.1:{grpc}"
    )
    with (
        running("collector", {**store, **ports}, log=folder / "collector.log"),
        running("observer", {**store, "PORT": str(screens)}, log=folder / "observer.log"),
    ):
        eventually(lambda: requests.get(f"{found.otlp}/healthz", timeout=5).ok, "a collector", within_s=60)
        eventually(lambda: found.get("/metrics"), "an observer", within_s=60)
        yield found
