"""No page says what is wrong before a student got there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

import incidents
from incidents import Incident
from tests.fixtures import seed
from tests.fixtures.html import text
from tests.fixtures.world import S
from tests.observer.screens.workshop.guide import ANNA, Guide, guided, page

PAGES = ("/", "/workshop", "/rum", "/apm/services", "/logs?q=nothing", "/-/keys", "/-/glossary", "/no/such")
"""Pages with telemetry, too: what frames it says nothing."""

NEWEST = seed.MESSAGE[:60]
"""As much of the newest error log as the home page has room for."""
WITHOUT_TELEMETRY = ("/", "/-/keys", "/-/glossary", "/no/such")


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guide]:
    with guided(tmp_path_factory.mktemp("guide")) as found:
        yield found


def causes(incident: Incident) -> list[str]:
    """Texts that name the cause."""
    paragraphs = [part.strip() for part in incident.answer.split("\n\n") if part.strip()]
    flags = [flag.key for flag in incident.flags]
    imitated = [flag.imitates for flag in incident.flags]
    return [incident.headline, *paragraphs, *flags, *imitated]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("name", incidents.names())
def test_no_page_names_the_cause(guide: Guide, name: str, path: str) -> None:
    """Neither headline, answer, flags nor what they imitate, the source included; and no tag that tells."""
    guide.kept.begin_incident(name, guide.world.now_unix_nano - 600 * S)
    answer = guide.browser(ANNA).get(path)
    incident = incidents.load(name)
    tags = incident.question.tags if path in WITHOUT_TELEMETRY else ()

    for cause in causes(incident):
        assert cause not in answer.text, f"{path} names {cause!r}"
    shown = text(LexborHTMLParser(answer.text))
    for tag in tags:
        assert tag not in shown, f"{path} shows {tag!r}"


@pytest.mark.parametrize("name", incidents.names())
def test_what_a_step_shows_is_folded(guide: Guide, name: str) -> None:
    """What is expected, the hint, the meaning, and the repair are in the page, and closed."""
    guide.kept.begin_incident(name, guide.world.now_unix_nano - 600 * S)
    found = page(guide.browser("ben"), "/workshop")
    incident = incidents.load(name)
    for fold in found.css("details"):
        assert "open" not in fold.attributes
        fold.decompose()
    shown = text(found)

    for step in incident.steps:
        for hidden in (step.expected, step.hint, step.meaning):
            assert hidden.replace("`", "").replace("**", "") not in shown
    for repair in incident.repairs:
        assert repair.title not in shown
        assert repair.effect not in shown


def test_the_home_page_counts_error_logs_and_does_not_quote_them(guide: Guide) -> None:
    """The newest line would be the end of the lesson; whose error it is, the list of traces keeps, too."""
    home = page(guide.browser(ANNA), "/")

    assert NEWEST not in text(home)
    assert "paymentservice" not in text(home)
    assert "What they say is for you to find" in text(home)


def test_without_a_lesson_the_home_page_shows_the_newest_error_logs(tmp_path: Path) -> None:
    """Screens over somebody's own telemetry have nothing to hide."""
    with guided(tmp_path) as guide:
        guide.kept.close()
        guide.kept = None  # type: ignore[assignment]  # the screens alone
        try:
            assert NEWEST in text(page(guide.browser(ANNA), "/"))
        finally:
            guide.kept = type("Closed", (), {"close": lambda self: None})()


def test_a_class_offers_no_list_of_lessons(guide: Guide) -> None:
    """The names of other incidents say what there is to find; the desk gives them out."""
    assert "Other lessons" not in text(page(guide.browser(ANNA), "/workshop"))
