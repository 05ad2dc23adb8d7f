"""One observer for all tests of the pages of metrics: the story's metrics and foreign ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from tests.fixtures.foreign_metrics import foreign_metrics
from tests.fixtures.scene import observing
from tests.fixtures.seed import measured, story

Page = Callable[..., LexborHTMLParser]


@pytest.fixture(scope="package")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with observing(foreign_metrics(measured(story())), tmp_path_factory.mktemp("metrics")) as found:
        yield found


@pytest.fixture
def page(client: FlaskClient) -> Page:
    """`page("/metrics", q="x")`: the parsed page, whose status is the expected one."""

    def asking_for(path: str, expect: int = 200, **args: str) -> LexborHTMLParser:
        answer = client.get(path, query_string=args or None)
        assert answer.status_code == expect, f"{path} {args}: {answer.status_code}"
        return LexborHTMLParser(answer.text)

    return asking_for
