"""Every screen and the API say what the collector refuses; 200 is not answered over no store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser as HTMLParser

import store
from observer.app import create_app
from observer.lookup import telemetry_state
from observer.lookup.telemetry_state import CollectorWatch, TelemetryState, read
from observer.settings import Settings
from runtime import local_http
from runtime.wsgi import Limits, WsgiServer
from store.api import Batch, Window
from tests.observer.api.schema_check import differences
from tests.store.build import T0, row, span

SECOND = 10**9
NOW = T0 + 60 * SECOND
REFUSAL = {
    "reason": "disk_full",
    "words": "disk full",
    "message": "The disk is full: free some space.",
    "since_unix_nano": NOW - 50 * SECOND,
    "until_unix_nano": NOW - 20 * SECOND,
    "counts": {"spans": 1234},
    "amount": "1,234 spans",
}
WELL: dict[str, Any] = {"store": {"writing": True}, "refusals": {"now": [], "past": []}, "notes": []}
REFUSING = {**WELL, "store": {"writing": False}, "refusals": {"now": [REFUSAL], "past": []}}
PAGES = (
    "/",
    "/rum",
    "/rum/sessions",
    "/apm",
    "/apm/services",
    "/apm/traces",
    "/logs",
    "/workshop",
    "/nowhere",
)

Told = dict[str, Any]


class World:
    """The screens over a store with one span, beside a collector that says what it is told to."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store.sqlite3"
        writer = store.open_writer(self.path)
        writer.write(Batch([row(span(1))]))
        writer.close()
        self.stats: Told = dict(WELL)
        self.server = WsgiServer(self._answer, "127.0.0.1", 0, Limits(2))
        self.server.start()
        self.reader = store.open_reader(self.path)

    def _answer(self, _environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(self.stats).encode()]

    def client(self, stats: Told) -> FlaskClient:
        """A browser of new screens, whose collector says this."""
        self.stats = stats
        url = f"http://127.0.0.1:{self.server.port}"
        app = create_app(self.reader, Settings(collector_url=url), clock=lambda: NOW)
        return app.test_client()


@pytest.fixture(name="world")
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    # On a busy machine a page would not wait for the collector, and say nothing of it.
    monkeypatch.setattr(telemetry_state, "_TIMEOUT_S", 20.0)
    found = World(tmp_path)
    yield found
    found.server.stop()
    found.reader.close()


def _notice(client: FlaskClient, path: str) -> str:
    found = HTMLParser(client.get(path).get_data(as_text=True)).css_first("#telemetry")
    return " ".join(found.text().split()) if found else ""


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_what_is_refused_with_since_how_much_and_the_remedy(world: World, path: str) -> None:
    """Error pages, too."""
    said = _notice(world.client(REFUSING), path)
    assert "Telemetry has been refused since" in said
    assert "disk full" in said
    assert "1,234 spans so far" in said
    assert "free some space" in said
    assert _notice(world.client(WELL), path) == ""


def test_what_is_over_stands_on_pages_whose_time_it_concerns(world: World) -> None:
    """And on the home page, whatever its time."""
    past = {**WELL, "refusals": {"now": [], "past": [REFUSAL]}}
    client = world.client(past)
    assert "1,234 spans were refused: disk full" in _notice(client, "/logs?since=15m")
    before = f"?from={NOW - 4000 * SECOND}&to={NOW - 3000 * SECOND}"
    assert _notice(client, f"/logs{before}") == ""
    assert "were refused" in client.get(f"/{before}").get_data(as_text=True)


def test_many_refusals_at_once_do_not_fill_every_page(world: World) -> None:
    """The header has three and how many more there are; the home page has each."""
    many = [{**REFUSAL, "words": f"too many series of metric 'm{number}'"} for number in range(9)]
    client = world.client({**WELL, "refusals": {"now": many, "past": []}})
    said = _notice(client, "/logs")
    assert said.count("too many series of metric") == 3
    assert "6 more on the home page" in said
    home = client.get("/").get_data(as_text=True)
    assert [home.count(f"&#39;m{number}&#39;") for number in range(9)] == [1] * 9


def test_the_api_computes_ready(world: World) -> None:
    """From the store, and from what the collector says."""
    well = world.client(WELL).get("/api/v1/status").get_json()
    assert (well["ready"], well["telemetry"]["collector"]) == (True, "answers")
    refusing = world.client(REFUSING).get("/api/v1/status").get_json()
    assert refusing["ready"] is False
    (now,) = refusing["telemetry"]["refused_now"]
    assert (now["words"], now["counts"]) == ("disk full", {"spans": 1234})
    document = world.client(WELL).get("/api/v1/openapi.json").get_json()
    schema = document["paths"]["/api/v1/status"]["get"]["responses"]["200"]["content"]["application/json"]
    assert list(differences(refusing, schema["schema"], document)) == []


def test_a_collector_that_is_silent_is_said_and_not_ready(world: World) -> None:
    """Since the screens noticed it."""
    client = world.client(WELL)
    world.server.stop()
    status = client.get("/api/v1/status").get_json()
    assert (status["ready"], status["telemetry"]["collector"]) == (False, "silent")
    assert status["telemetry"]["silent_since_unix_nano"] == NOW
    assert "The collector has not answered since" in _notice(client, "/apm")


def test_a_collector_that_answers_late_is_not_called_silent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All its threads may be at work; after a while it is."""
    watch = CollectorWatch("http://127.0.0.1:1", lambda: NOW)

    def late(_url: str, *, timeout_s: float) -> None:
        raise local_http.LocalHttpError(f"nothing within {timeout_s}", timed_out=True)

    monkeypatch.setattr(local_http, "json_of", late)
    monkeypatch.setattr(telemetry_state, "_FRESH_S", -1.0)
    assert watch.state().is_receiving
    monkeypatch.setattr(telemetry_state, "_PATIENCE_S", -1.0)
    assert watch.state().silent_since_unix_nano == NOW


def test_without_a_collectors_address_nothing_is_asked_or_said(world: World) -> None:
    """An observer alone, over a store that something else writes."""
    client = create_app(world.reader, Settings(), clock=lambda: NOW).test_client()
    status = client.get("/api/v1/status").get_json()
    assert (status["ready"], status["telemetry"]["collector"]) == (True, "not asked")
    assert _notice(client, "/") == ""


def _delete(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()


def _empty(path: Path) -> None:
    _delete(path)
    path.touch()


def _overwrite(path: Path) -> None:
    _delete(path)
    path.write_bytes(b"no database " * 5000)


@pytest.mark.parametrize("harm", [_delete, _empty, _overwrite])
def test_over_a_store_that_cannot_be_read_nothing_is_200(world: World, harm: Callable[[Path], None]) -> None:
    """Pages say what and the remedy, the API too; when there is a store again, all is as before."""
    client = world.client(WELL)
    assert client.get("/apm/services").status_code == 200
    harm(world.path)
    for path in ("/", "/rum", "/apm", "/apm/services", "/apm/traces", "/logs"):
        page = client.get(path)
        assert page.status_code == 503, path
        assert str(world.path) in page.get_data(as_text=True)
        assert "lab status" in page.get_data(as_text=True)
    status = client.get("/api/v1/status")
    assert status.status_code == 503
    assert status.get_json()["ready"] is False
    assert set(status.get_json()["error"]) == {"code", "message", "remedy"}
    assert client.get("/api/v1/logs").status_code == 503
    assert client.get("/healthz").status_code == 200
    _delete(world.path)
    store.open_writer(world.path).close()
    assert client.get("/apm/services").status_code == 200


def test_an_open_page_learns_what_is_new_and_nothing_else(world: World) -> None:
    """204 while the page knows all."""
    client = world.client(REFUSING)
    page = HTMLParser(client.get("/logs").get_data(as_text=True)).css_first("#telemetry")
    assert page is not None
    address = page.attributes["hx-get"] or ""
    assert client.get(address).status_code == 204
    changed = world.client(WELL).get(address)
    assert changed.status_code == 200
    assert "refused" not in changed.get_data(as_text=True)


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"store": 1, "refusals": [], "notes": {}}, {"refusals": {"now": [1, {}], "past": 7}}, "x"],
)
def test_any_answer_is_read_leniently(document: object) -> None:
    """Something else may listen there."""
    assert isinstance(read(document), TelemetryState)


def test_hostile_text_stays_text(world: World) -> None:
    """What the collector repeats is shown and not obeyed."""
    bad = {**REFUSAL, "words": "<script>x</script>", "message": "<img src=x>" * 100}
    page = world.client({**WELL, "refusals": {"now": [bad], "past": []}}).get("/").get_data(as_text=True)
    assert "<script>x" not in page
    assert "<img src=x>" not in page


def test_a_note_is_shown_within_its_time() -> None:
    """Half-open, like every time range."""
    state = read({**WELL, "notes": [{"at_unix_nano": 5, "text": "a"}, {"at_unix_nano": 9, "text": "b"}]})
    assert [note.text for note in state.notes] == ["b", "a"]
    assert [note.text for note in state.within(Window(5, 9)).notes] == ["a"]
