"""The story with its metrics, and rules evaluated over it: one fires, one waits, one has no data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

import store
from alerting import Alert, AlertFile, AlertQuery
from alerting.database import Database
from alerting.evaluator import Evaluator
from observer.app import create_app
from observer.settings import Settings
from store.api import Reader
from tests.alerting.telemetry import rule_text
from tests.fixtures import seed
from tests.fixtures.world import S

FAILING: Mapping[str, object] = {"kind": "requests", "measure": "error_share", "service": "frontend"}
TEN_MINUTES: Mapping[str, object] = {"window": "10m"}
RULES = {
    "orders-failing": rule_text(
        FAILING,
        {"above": 0.05, **TEN_MINUTES},
        "Orders are failing",
        description="A part of the orders fails.",
        runbook="https://runbooks.example/orders",
        links={"Status page": "https://status.example/"},
        labels={"team": "checkout"},
    ),
    "errors-lasting": rule_text(
        FAILING, {"above": 0.01, "for": "1h", **TEN_MINUTES}, "Errors last", severity="warning"
    ),
    "too-slow": rule_text(
        {"kind": "requests", "measure": "p90", "service": "frontend"},
        {"above": 3_600_000, **TEN_MINUTES},
        "Pages are slow",
        severity="info",
    ),
    "nothing": rule_text(
        {"kind": "metric", "measure": "avg", "metric": "no.such.metric"}, {"above": 1}, "Nothing is known"
    ),
    "versions": rule_text(
        {
            "kind": "metric",
            "measure": "rate",
            "metric": "shop.orders",
            "by": ["version"],
        },
        {"above": 0, "window": "5m"},
        seed.EVIL.replace("\x07", ""),
        severity="warning",
        description=seed.EVIL.replace("\x07", ""),
        labels={"evil": seed.EVIL.replace("\x07", "")},
    ),
    "gone": rule_text(FAILING, {"above": 0.02, **TEN_MINUTES}, "Was deleted"),
}


@dataclass
class AlertScreens:
    """The screens over rules that were evaluated."""

    app: Flask
    client: FlaskClient
    reader: Reader
    file: AlertFile
    evaluator: Evaluator
    rules: Path
    now_unix_nano: int

    def page(self, path: str, status: int = 200) -> LexborHTMLParser:
        """The page at a path, which must answer with this status."""
        answer = self.client.get(path)
        assert answer.status_code == status, f"{path} answered {answer.status_code}, not {status}"
        return LexborHTMLParser(answer.text)

    def alert(self, detector: str) -> Alert:
        """The first alert of a rule."""
        found, _ = self.file.alerts(AlertQuery(detector=detector), self.now_unix_nano)
        return found[0]

    def path(self, detector: str) -> str:
        """The path of the first alert of a rule."""
        return f"/alerts/{self.alert(detector).alert_id}"


@contextmanager
def evaluated(folder: Path, *, rules: Mapping[str, str] = RULES) -> Iterator[AlertScreens]:
    """The screens; the rule `gone` was deleted after it fired, and `broken` holds no rule."""
    path = folder / "store.sqlite"
    writer = store.open_writer(path)
    world = seed.measured(seed.hostile(seed.story()))
    world.send(writer)
    writer.close()
    reader = store.open_reader(path)
    alerts, now = folder / "alerts.db", world.now_unix_nano
    database = Database(alerts, owner=True)
    clock = [now - 4 * S]
    (folder / "rules").mkdir()
    for name, text in rules.items():
        (folder / "rules" / f"{name}.toml").write_text(text)
    if rules:
        (folder / "rules" / "broken.toml").write_text("title = 1\nseverty = 'critical'\n")
    evaluator = Evaluator(
        database, reader, [folder / "rules"], interval_ns=2 * S, ways=(), clock=lambda: clock[0]
    )
    evaluator.run_pass()
    (folder / "rules" / "gone.toml").unlink(missing_ok=True)
    for at in (now - 2 * S, now):
        clock[0] = at
        evaluator.run_pass()
    file = AlertFile(alerts)
    app = create_app(reader, Settings(shop_url=seed.SHOP), clock=lambda: now, alert_file=file)
    try:
        yield AlertScreens(app, app.test_client(), reader, file, evaluator, folder / "rules", now)
    finally:
        file.close()
        database.close()
        reader.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertScreens]:
    """For tests that change nothing."""
    with evaluated(tmp_path_factory.mktemp("alerts")) as found:
        yield found


@pytest.fixture
def own(tmp_path: Path) -> Iterator[AlertScreens]:
    """For one test that acknowledges or silences."""
    with evaluated(tmp_path) as found:
        yield found
