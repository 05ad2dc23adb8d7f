"""Static files: kept for long where the address names the content, packed, nothing else served."""

from __future__ import annotations

import gzip
from pathlib import Path
from xml.etree import ElementTree

import pytest

from frontend.assets import STATIC_DIR, Assets
from tests.frontend.fakes import FakeShop


def test_a_file_addressed_by_content_is_kept_for_long(fake: FakeShop) -> None:
    url = Assets(STATIC_DIR).url("shop.css")
    answer = fake.client.get(url)
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.content_type == "text/css; charset=utf-8"
    assert "immutable" not in fake.client.get("/static/shop.css").headers["Cache-Control"]
    again = fake.client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_files_are_packed_for_those_who_can_unpack(fake: FakeShop) -> None:
    plain = fake.client.get("/static/shop.css")
    packed = fake.client.get("/static/shop.css", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert gzip.decompress(packed.data) == plain.data


@pytest.mark.parametrize(
    "name",
    [
        "none.css",
        "../app.py",
        "..%2Fapp.py",
        "%2e%2e/app.py",
        "/etc/passwd",
        "axe.min.js",
        "img/products/",
        "",
    ],
)
def test_nothing_else_is_served(fake: FakeShop, name: str) -> None:
    assert fake.client.get(f"/static/{name}").status_code in (404, 308)


def test_every_product_has_a_picture_that_loads_nothing() -> None:
    pictures = sorted((STATIC_DIR / "img" / "products").glob("*.svg"))
    assert len(pictures) == 10
    for picture in pictures:
        root = ElementTree.fromstring(picture.read_text())
        assert root.attrib["viewBox"] == "0 0 400 400"
        for node in root.iter():
            assert not any("href" in name or name.startswith("on") for name in node.attrib), picture.name


@pytest.mark.parametrize(
    ("named", "file"),
    [
        ("/static/img/products/city-bike.svg", "city-bike"),
        ("/static/img/products/camera-lens.jpg", "camera-lens"),
        ("https://elsewhere.example/typewriter.png?x=1", "typewriter"),
        ("", "parcel"),
        ("/static/img/products/hovercraft.jpg", "parcel"),
        ("../../../shop", "parcel"),
    ],
)
def test_a_products_picture_is_found_by_its_name(tmp_path: Path, named: str, file: str) -> None:
    assert Assets(tmp_path).picture(named).startswith(f"/static/img/products/{file}.svg?v=")
