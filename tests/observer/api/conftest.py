"""One observer for all tests of the API: what they ask changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from alerting import AlertFile
from store.api import Reader
from tests.fixtures.alerts import evaluate
from tests.fixtures.scene import observing
from tests.fixtures.seed import hostile, measured, story

Ask = Callable[..., Any]


@pytest.fixture(scope="package")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    folder = tmp_path_factory.mktemp("api")
    world = measured(hostile(story()))
    alert_file = AlertFile(folder / "alerts.db")
    with observing(world, folder, alert_file) as found:
        reader: Reader = found.application.extensions["observer"].reader
        evaluate(reader, folder, world.now_unix_nano)
        yield found
    alert_file.close()


@pytest.fixture
def ask(client: FlaskClient) -> Ask:
    """`ask("/apm/map", since="15m")`: the JSON of an answer whose status is the expected one."""

    def asking(path: str, expect: int = 200, **args: Any) -> Any:
        answer = client.get(f"/api/v1{path}", query_string={k.rstrip("_"): v for k, v in args.items()})
        assert answer.status_code == expect, f"{path} {args}: {answer.status_code} {answer.text[:300]}"
        return answer.get_json()

    return asking
