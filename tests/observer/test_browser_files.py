"""The installed browser files: served with an address of their content, not missed where there are none."""

from __future__ import annotations

import re
from pathlib import Path

from flask.testing import FlaskClient

import store
from observer.app import create_app
from observer.settings import Settings

FACE = b"wOF2 and then some"


def _client(folder: Path) -> FlaskClient:
    path = folder / "store.sqlite3"
    store.open_writer(path).close()
    return create_app(store.open_reader(path), Settings(web_dir=folder)).test_client()


def test_pages_preload_the_face_that_their_sheet_asks_for(tmp_path: Path) -> None:
    """One download: the address in the page is the one in the sheet, and it may be kept for good."""
    (tmp_path / "inter.woff2").write_bytes(FACE)
    client = _client(tmp_path)
    page = client.get("/-/keys").get_data(as_text=True)
    preload = re.search(r'<link rel="preload" as="font" type="font/woff2" crossorigin href="([^"]+)">', page)
    sheet = re.search(r'href="(/static/typeface\.css\?v=\w+)"', page)
    assert preload is not None
    assert sheet is not None

    rules = client.get(sheet[1])
    face = client.get(preload[1])

    # Beside the sheet, so that it is found under a proxy's path, too.
    assert f'url("{preload[1].removeprefix("/static/")}")' in rules.get_data(as_text=True)
    assert "font-display: swap" in rules.get_data(as_text=True)
    assert face.get_data() == FACE
    assert face.mimetype == "font/woff2"
    for answer in (rules, face):
        assert "immutable" in answer.headers["Cache-Control"]
    assert "font-src 'self'" in client.get("/-/keys").headers["Content-Security-Policy"]


def test_the_address_changes_with_the_face(tmp_path: Path) -> None:
    """What browsers keep for good must be asked for anew when another version is installed."""
    seen = set()
    for content in (FACE, FACE + b"!"):
        (tmp_path / "inter.woff2").write_bytes(content)
        seen |= set(re.findall(r"/static/inter\.woff2\?v=\w+", _client(tmp_path).get("/-/keys").text))

    assert len(seen) == 2


def test_without_the_face_no_page_asks_for_it(tmp_path: Path) -> None:
    """A process that was started outside the lab has the system's letters and no failed request."""
    client = _client(tmp_path)

    page = client.get("/-/keys").get_data(as_text=True)

    assert "inter.woff2" not in page
    assert "typeface.css" not in page
    assert client.get("/static/inter.woff2").status_code == 404


def test_an_address_without_a_mark_is_asked_again(tmp_path: Path) -> None:
    """It may hold another file tomorrow; a browser that has this one is told so."""
    (tmp_path / "inter.woff2").write_bytes(FACE)
    client = _client(tmp_path)
    first = client.get("/static/inter.woff2")

    again = client.get("/static/inter.woff2", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "no-cache"
    assert again.status_code == 304


def test_htmx_is_loaded_before_the_script_that_starts_it(tmp_path: Path) -> None:
    """Both wait for the page in the order in which it names them."""
    (tmp_path / "htmx.min.js").write_bytes(b"var htmx = {};")
    client = _client(tmp_path)
    page = client.get("/-/keys").get_data(as_text=True)
    script = re.search(r'<script defer src="(/static/htmx\.min\.js\?v=\w+)"></script>', page)
    assert script is not None
    assert script.start() < page.index('<script type="module" src="/static/main.js')

    served = client.get(script[1])

    assert served.get_data() == b"var htmx = {};"
    assert served.mimetype == "text/javascript"
    assert "immutable" in served.headers["Cache-Control"]


def test_without_htmx_no_page_asks_for_it(tmp_path: Path) -> None:
    """Links then load whole pages."""
    client = _client(tmp_path)

    assert "htmx.min.js" not in client.get("/-/keys").get_data(as_text=True)
    assert client.get("/static/htmx.min.js").status_code == 404
