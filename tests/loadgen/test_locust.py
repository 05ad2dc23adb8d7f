"""The load generator as a process: Locust's addresses, who it says it is, how it stops."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import requests

from tests.helpers import REPO, eventually, free_port, running
from tests.loadgen.shop import Seen, ServedShop

Visit = tuple[str, str, bytes]
"""Method, path and body."""


@contextmanager
def load(shop_url: str, log: Path | None = None, **environment: str) -> Iterator[tuple[str, Any]]:
    """A running load generator: the address of its pages, and its process."""
    port = free_port()
    given = {"SHOP_URL": shop_url, "PORT": str(port), "LOADGEN_PACE": "50", "LOADGEN_SPAWN_RATE": "20"}
    url = f"http://127.0.0.1:{port}"
    with running("loadgen", {**given, **environment}, log=log) as process:
        eventually(lambda: requests.get(url + "/stats/requests", timeout=2).ok, "Locust's pages answer")
        yield url, process


def figures(url: str) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(url + "/stats/requests", timeout=5).json()
    return found


def orders(served: ServedShop) -> list[Seen]:
    return served.shop.of("POST", "/cart/checkout")


def test_it_shops_by_itself_both_ways_and_ends_cleanly(served: ServedShop, tmp_path: Path) -> None:
    log = tmp_path / "log"
    wanted = {"/", "/cart/checkout", "/product/[id]", "/v1/rum", "/setCurrency"}
    with load(served.url, log, LOADGEN_USERS="6") as (url, process):
        eventually(lambda: len(orders(served)) > 9, "orders are placed", within_s=20)
        eventually(lambda: wanted <= {each["name"] for each in figures(url)["stats"]}, "all is counted")
        assert figures(url)["state"] == "running"
        assert figures(url)["user_count"] == 6
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    assert all(seen.headers.get("x-synthetic") for seen in served.shop.seen)
    spans = served.shop.beacons()
    assert {span["tags"]["user_agent.synthetic.type"] for span in spans} == {"test"}
    by_agent = {seen.headers["user-agent"]: "traceparent" in seen.headers for seen in orders(served)}
    assert by_agent.pop("hipster-lab-loadgen", False) is False
    assert all(by_agent.values())
    # Every trip is a new visitor's, with a session and a cart of its own.
    assert len({span["tags"]["splunk.rumSessionId"] for span in spans}) > 2
    assert all(len(cart) <= 5 for cart in served.shop.carts.values())
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[-1]["message"].startswith("stopped after")
    assert {line["service.name"] for line in lines} == {"loadgen"}


def test_it_is_steered_over_locusts_addresses_but_not_elsewhere(served: ServedShop) -> None:
    form = {"user_count": 4, "spawn_rate": 10}
    with load(served.url, LOADGEN_USERS="0") as (url, _):
        assert figures(url)["state"] == "ready"
        assert served.shop.seen == []
        elsewhere = requests.post(url + "/swarm", {**form, "host": "http://else.example"}, timeout=5)
        assert elsewhere.status_code == 403
        assert served.url in elsewhere.text
        foreign = requests.post(url + "/swarm", form, headers={"Sec-Fetch-Site": "cross-site"}, timeout=5)
        assert foreign.status_code == 403
        started = requests.post(url + "/swarm", {**form, "host": served.url}, timeout=5).json()
        assert started["success"] is True
        eventually(lambda: figures(url)["user_count"] == 4, "four users")
        assert requests.post(url + "/stop", timeout=5).json()["success"] is True
        eventually(lambda: figures(url)["state"] == "stopped", "stopped")
        requests.post(url + "/swarm", {"user_count": 1, "spawn_rate": 10}, timeout=5)
        eventually(lambda: figures(url)["state"] == "running", "runs again")
        assert "Locust" in requests.get(url + "/", timeout=5).text


def test_the_same_seed_makes_the_same_visits() -> None:
    with ExitStack() as ends:
        shops = []
        for _ in range(2):
            served = ServedShop()
            ends.callback(served.close)
            ends.enter_context(load(served.url, LOADGEN_USERS="2", HIPSTERLAB_SEED="7"))
            shops.append(served)
        for served in shops:
            eventually(partial(walked, served, 15), "enough requests", within_s=20)
    for one, other in zip(walks(shops[0]), walks(shops[1]), strict=True):
        assert one[:15] == other[:15]


def walked(served: ServedShop, count: int) -> bool:
    return all(len(walk) >= count for walk in walks(served))


def walks(served: ServedShop) -> tuple[list[Visit], list[Visit]]:
    """What the regular buyer and the shopper beside it asked for, each in order."""
    found: tuple[list[Visit], list[Visit]] = [], []
    for seen in list(served.shop.seen):
        if seen.path != "/v1/rum":
            browses = seen.headers["user-agent"] != "hipster-lab-loadgen"
            found[browses].append((seen.method, seen.path, seen.body))
    return found


def test_one_buyer_orders_again_and_again_beside_the_others(served: ServedShop) -> None:
    """There is one, however many users there are, and it declares itself as they do."""
    with load(served.url, LOADGEN_USERS="3", LOADGEN_PACE="10") as (url, _):
        eventually(lambda: len(bought(served)) > 20, "orders are placed", within_s=20)
        assert figures(url)["user_count"] == 3
        eventually(
            lambda: len({seen.headers["user-agent"] for seen in orders(served)}) > 1,
            "the others order, too",
            within_s=30,
        )
    assert {seen.headers["x-synthetic"] for seen in bought(served)} == {"loadgen"}


def bought(served: ServedShop) -> list[Seen]:
    """Orders without a browser."""
    return [seen for seen in orders(served) if seen.headers["user-agent"] == "hipster-lab-loadgen"]


def test_it_outlives_a_shop_that_is_away(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with load(f"http://127.0.0.1:{free_port()}", log, LOADGEN_USERS="4") as (url, process):
        eventually(lambda: figures(url)["fail_ratio"] == 1.0, "every request fails")
        before = sum(each["num_requests"] for each in figures(url)["stats"])
        eventually(lambda: sum(each["num_requests"] for each in figures(url)["stats"]) > before, "it goes on")
        assert process.poll() is None
    assert "Traceback" not in log.read_text()


def test_a_taken_port_and_a_bad_setting_are_one_sentence() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = str(held.getsockname()[1])
        for environment, word in (({"PORT": port}, port), ({"LOADGEN_USERS": "many"}, "LOADGEN_USERS")):
            said = subprocess.run(
                [sys.executable, "-m", "loadgen"],
                cwd=REPO,
                env={"PATH": "", **environment},
                capture_output=True,
                text=True,
                timeout=20,
            )
            assert said.returncode == 2
            (line,) = said.stderr.splitlines()
            assert word in line


def test_one_user_is_a_browser(served: ServedShop, tmp_path: Path) -> None:
    """A class that starts one user wants sessions, not one who only orders."""
    with load(served.url, tmp_path / "log", LOADGEN_USERS="1") as (_, _process):
        eventually(lambda: served.shop.beacons(), "a browser reports", within_s=20)
