"""Static files: addresses by content, gzip once, cache headers, nothing else served."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from runtime.static_files import StaticFiles

STYLE = b"p { color: red; }\n" * 100


@pytest.fixture
def files(tmp_path: Path) -> StaticFiles:
    """A folder with a style sheet, a script and a file of an unknown type."""
    (tmp_path / "js").mkdir()
    (tmp_path / "style.css").write_bytes(STYLE)
    (tmp_path / "js" / "small.js").write_bytes(b"1;\n")
    (tmp_path / "notes.txt").write_text("private")
    found = StaticFiles(unmarked="no-cache")
    found.add_folder(tmp_path)
    return found


def _get(files: StaticFiles, name: str, query: str = "", **headers: str) -> Response:
    request = Request(
        EnvironBuilder(
            query_string=query, headers=[(key.replace("_", "-"), value) for key, value in headers.items()]
        ).get_environ()
    )
    response = files.respond(name, request)
    assert response is not None
    return response


def test_an_address_names_the_content(files: StaticFiles, tmp_path: Path) -> None:
    """It changes with the file, also while the process runs, and the file is then served anew."""
    before = files.address("style.css")
    (tmp_path / "style.css").write_bytes(STYLE + b"a {}")
    os.utime(tmp_path / "style.css", ns=(1, 1))

    assert before.startswith("/static/style.css?v=")
    assert files.address("style.css") != before
    assert _get(files, "style.css").get_data() == STYLE + b"a {}"


def test_only_an_address_with_a_mark_may_be_kept_for_long(files: StaticFiles) -> None:
    """Any other may hold another file tomorrow."""
    query = files.address("style.css").partition("?")[2]

    assert "immutable" in _get(files, "style.css", query).headers["Cache-Control"]
    assert _get(files, "style.css").headers["Cache-Control"] == "no-cache"


def test_a_browser_that_has_the_content_gets_no_body(files: StaticFiles) -> None:
    """By the ETag, which differs between the compressed and the plain form."""
    plain, packed = _get(files, "style.css"), _get(files, "style.css", accept_encoding="gzip")
    again = _get(files, "style.css", if_none_match=plain.headers["ETag"])

    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert again.status_code == 304


def test_text_is_compressed_where_it_saves_something(files: StaticFiles) -> None:
    """For clients that accept it."""
    packed = _get(files, "style.css", accept_encoding="gzip")
    small = _get(files, "js/small.js", accept_encoding="gzip")
    files.add_content("font.woff2", STYLE)

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.get_data()) == STYLE
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in small.headers
    assert "Content-Encoding" not in _get(files, "font.woff2", accept_encoding="gzip").headers
    assert "Content-Encoding" not in _get(files, "style.css", accept_encoding="gzip;q=0").headers


@pytest.mark.parametrize("name", ["notes.txt", "../style.css", "/etc/passwd", "js", "", "absent.css"])
def test_nothing_else_is_served(files: StaticFiles, name: str) -> None:
    """Neither by its address nor at all."""
    assert files.respond(name, Request(EnvironBuilder().get_environ())) is None
    assert name not in files
    with pytest.raises(KeyError):
        files.address(name)


def test_a_file_that_is_not_there_is_not_added(files: StaticFiles, tmp_path: Path) -> None:
    """And one that vanishes is served no more."""
    (tmp_path / "agent.js").write_text("agent")

    assert not files.add_file("font.woff2", tmp_path / "font.woff2")
    assert files.add_file("agent.js", tmp_path / "agent.js")
    assert _get(files, "agent.js").get_data() == b"agent"
    (tmp_path / "agent.js").unlink()
    assert files.respond("agent.js", Request(EnvironBuilder().get_environ())) is None
