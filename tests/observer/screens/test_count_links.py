"""Every count that is a link leads to exactly the things that it counted, on every screen.

A template marks such a link by `data-count` and `data-of` (`count_link` of macros/ui.html); the page
behind it states its total by `data-total` with the same `data-of`. A link with a count in its words
and without the mark fails, too, so that no new one is missed.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests.fixtures import seed
from tests.fixtures.foreign import foreign
from tests.fixtures.html import text
from tests.fixtures.scene import observing

STARTS = (
    "/",
    "/rum",
    "/rum?whose=all",
    "/rum?whose=synthetic",
    "/rum/tags",
    "/rum/tags?metric=js_errors&whose=all",
    "/rum/sessions?whose=all",
    f"/rum/sessions/{seed.SESSION}",
    "/apm",
    "/apm?service=checkoutservice",
    "/apm?service=ButtercupPayments",
    "/apm/services",
    "/apm/services/checkoutservice",
    "/apm/tags",
    "/apm/traces",
    "/apm/traces?service=checkoutservice",
    f"/apm/traces/{seed.TRACE}",
    f"/apm/traces/{seed.TRACE}?span={seed.CHARGE_SPAN}",
    "/logs",
    "/metrics",
    "/metrics/http.server.request.duration",
    "/metrics/shop.orders?by=version",
    "/workshop",
)
_MOST_OF_A_KIND = 2
"""Pages with the same path and arguments that are read."""
_MOST_ALIKE = 2
"""Links that are followed from one kind of page to another."""
_NOUNS = (
    "requests?|calls?|errors?|sessions?|events?|traces?|logs?|lines?|spans?|samples?|page views?|failed"
    "|recovered|root causes?|people|orders?|views|values?"
)
_COUNT = re.compile(
    rf"^\d{{1,3}}(?:,\d{{3}})*$|\(\d[\d,]*\)$|(?<![\w.:/-])\d[\d,]* (?:{_NOUNS})\b(?! away)", re.IGNORECASE
)


@pytest.fixture(scope="module", params=["seeded", "foreign"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """The screens over our own story with hostile telemetry in it, and over another application's."""
    world = seed.hostile(seed.measured(seed.story())) if request.param == "seeded" else foreign()
    with observing(world, tmp_path_factory.mktemp("counted")) as found:
        yield found


@pytest.fixture(scope="module")
def pages(client: FlaskClient) -> Sequence[tuple[str, LexborHTMLParser]]:
    """The pages that are reached from STARTS, a few of each kind."""
    return list(_pages(client))


def _kind(address: str) -> str:
    """What pages of one template have in common."""
    path = re.sub(r"(/apm/services/|/apm/traces/|/rum/sessions/|/metrics/).+", r"\1*", urlsplit(address).path)
    names = sorted({pair.partition("=")[0] for pair in urlsplit(address).query.split("&")})
    return f"{path}?{'&'.join(names)}"


def _pages(client: FlaskClient) -> Iterator[tuple[str, LexborHTMLParser]]:
    """The pages that are reached from STARTS, a few of each kind."""
    waiting = deque(STARTS)
    seen: set[str] = set()
    of_kind: dict[str, int] = {}
    while waiting:
        address = waiting.popleft()
        kind = _kind(address)
        if address in seen or of_kind.get(kind, 0) >= _MOST_OF_A_KIND:
            continue
        seen.add(address)
        answer = client.get(address)
        if answer.status_code != 200 or not answer.content_type.startswith("text/html"):
            continue
        of_kind[kind] = of_kind.get(kind, 0) + 1
        page = LexborHTMLParser(answer.text)
        yield address, page
        for link in page.css("main a[data-count], nav.sections a, #related a"):
            href = (link.attributes.get("href") or "").partition("#")[0]
            if href.startswith("/") and not href.startswith("/api/"):
                waiting.append(href)


def _says_count(link: LexborNode) -> bool:
    if link.parent and link.parent.tag == "th" and text(link).replace(",", "").isdigit():
        return False  # a value of a tag, such as the status 500
    titles = [link.attributes.get("title"), link.attributes.get("aria-label"), text(link)]
    titles += [text(title) for title in link.css("title")]
    return any(_COUNT.search(" ".join((words or "").split())) for words in titles)


# Hundreds of pages: half a minute, and more where other tests take the cores.
@pytest.mark.timeout(240)
def test_every_count_link_leads_to_what_it_counted(
    client: FlaskClient, pages: Sequence[tuple[str, LexborHTMLParser]]
) -> None:
    wrong: list[str] = []
    followed: dict[tuple[str, str], int] = {}
    kinds: dict[tuple[str, str, str], int] = {}
    for address, page in pages:
        for link in page.css("a[data-count]"):
            shown, of = link.attributes["data-count"] or "", link.attributes.get("data-of") or ""
            href = (link.attributes.get("href") or "").partition("#")[0] or address
            kind = (_kind(address), of, _kind(href))
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] > _MOST_ALIKE:
                continue
            if (href, of) not in followed:
                target = LexborHTMLParser(client.get(href).text)
                totals = target.css(f'[data-total][data-of="{of}"]')
                followed[href, of] = int(totals[0].attributes["data-total"] or -1) if len(totals) == 1 else -1
            if followed[href, of] != int(shown):
                wrong.append(f"{address}: {shown} {of} leads to {href}, which states {followed[href, of]}")
    assert wrong == []
    assert len(kinds) >= 15, f"too few kinds of count links were followed: {sorted(kinds)}"


def test_no_count_link_is_without_its_mark(pages: Sequence[tuple[str, LexborHTMLParser]]) -> None:
    unmarked = {
        f"{_kind(address)}: {text(link)[:60]!r} -> {link.attributes.get('href')}"
        for address, page in pages
        for link in page.css("main a, #related a")
        if "data-count" not in link.attributes and _says_count(link)
    }
    assert sorted(unmarked) == []
