"""Updates: the address that a page asks, what it is answered, and that no attribute is evaluated."""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path

import pytest
from flask import Flask

import store
from observer.app import create_app
from observer.components import updates
from observer.components.updates import Update
from observer.request.scope import Scope, parse_scope
from observer.settings import Settings
from tests.helpers import REPO
from tests.observer.screens import Screens

NOW = 1_800_000_000 * 10**9
TEMPLATES = sorted((REPO / "observer" / "templates").rglob("*.html"))
EVALUATED = re.compile(r"\bhx-on|hx-trigger=\"[^\"]*\[|\bhx-[a-z-]+=\"(js|javascript):", re.IGNORECASE)


def scope(**args: str) -> Scope:
    return parse_scope(args, NOW, UTC)


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    store.open_writer(tmp_path / "store.sqlite3").close()
    return create_app(store.open_reader(tmp_path / "store.sqlite3"), Settings())


def test_a_page_asks_within_its_scope_whatever_its_order_and_position() -> None:
    page = [
        ("since", "1h"),
        ("env", "lab"),
        ("cursor", "3"),
        ("sort", "newest"),
        ("attr", "a:b"),
        ("attr", "c:d"),
    ]
    found = updates.address(scope(since="1h", env="lab"), "/x/updates", [*page, ("after", "7")])
    assert found == "/x/updates?since=1h&env=lab&attr=a%3Ab&attr=c%3Ad&after=7"


@pytest.mark.parametrize("args", [{"live": "0"}, {"from": "1790000000", "to": "1790000060"}])
def test_a_page_that_is_paused_or_of_a_fixed_range_asks_nothing(args: dict[str, str]) -> None:
    """The header says that it does not change."""
    assert updates.address(scope(**args), "/x/updates", [("after", "7")]) == ""


def test_the_answer_is_a_button_or_nothing(app: Flask) -> None:
    with app.test_request_context("/x/updates"):
        assert updates.answer(Update(0, "0 new")).status_code == 204
        answer = updates.answer(Update(2, "2 new <b>")).get_data(as_text=True)
    assert 'data-words="2 new &lt;b&gt;"' in answer
    assert ">2 new &lt;b&gt; · show</button>" in answer


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(REPO)))
def test_no_template_has_an_attribute_that_must_be_evaluated(path: Path) -> None:
    """The content security policy would refuse it, and a reader of the page would wait for nothing."""
    source = re.sub(r"\{#.*?#\}", "", path.read_text("utf-8"), flags=re.DOTALL)
    assert EVALUATED.findall(source) == []


@pytest.mark.parametrize(
    "path", ["/rum/sessions/5e551011a00000000000000000000001", "/logs", "/logs?log=3", "/-/keys"]
)
def test_a_link_exchanges_a_part_of_the_page_that_it_leads_to(screens: Screens, path: str) -> None:
    """What a link shows with and without script cannot differ."""
    links = screens.page(path).css("a[hx-get]")
    assert links
    for link in links:
        assert link.attributes["hx-get"] == link.attributes["href"]


def test_news_is_a_word_of_nothing_any_more() -> None:
    """One word for one thing: an update."""
    folders = [REPO / "observer" / name for name in ("static", "templates")]
    found = [
        str(path.relative_to(REPO))
        for folder in folders
        for path in folder.rglob("*.*")
        if re.search(r"\bnews\b", path.read_text("utf-8"))
    ]
    assert found == []
