"""`lab up --public-url`: the shop's address for links, in screens, on the terminal and from `lab seats`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from lab import cli, paths
from lab.commands import seats, up
from lab.errors import UsageError
from lab.plan import planning
from lab.plan.options import Options
from lab.run import background, messages
from lab.state import run_folder, runfile, statusfile

URL = "https://shop.example.org:8443"


def options(*words: str) -> Options:
    """The options of `lab up` for these words."""
    return up.options_of(cli.parse(cli.BY_NAME["up"], ["--free-ports", *words]))


def test_the_screens_get_the_public_address(tmp_path: Path) -> None:
    """As a setting, in one spelling; the lab itself goes on to use the real one."""
    chosen = dataclasses.replace(options("--public-url", "HTTPS://Shop.example.org:8443/"), data=tmp_path)
    built = planning.build(chosen, tmp_path, environment={"SHOP_PUBLIC_URL": "http://of.another.lab"})
    found = {entry.name: entry.environment.get("SHOP_PUBLIC_URL") for entry in built.processes}

    assert {name: url for name, url in found.items() if url} == {"frontend": URL, "observer": URL}
    assert built.urls["shop"].startswith("http://127.0.0.1:")
    assert f"shop        {URL}/?seat=YOURNAME" in messages.ready_block(built, chosen, 1.0, detached=False)


def test_it_reaches_a_lab_in_the_background() -> None:
    """`--detach` hands the options on as JSON."""
    chosen = options("--public-url", URL)

    assert background.options_from_json(background.as_json(chosen)) == chosen


def test_it_may_have_the_path_that_a_proxy_gives_the_shop() -> None:
    assert options("--public-url", "https://class.example.org/lab/shop/").public_url == (
        "https://class.example.org/lab/shop"
    )


@pytest.mark.parametrize("url", ["shop.example.org", "ftp://x", "http://x/a?b", "http://x?y", "http://<b>"])
def test_what_is_no_base_address_is_refused(url: str) -> None:
    """Before anything starts, with a remedy."""
    with pytest.raises(UsageError, match="--public-url") as raised:
        options("--public-url", url)

    assert "such as https://" in raised.value.remedy


def _running(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """A lab of this process in the folder, open on every network."""
    run: dict[str, object] = {
        "pid": 1,
        "started": "",
        "data": str(folder),
        "incident": "none",
        "host": "0.0.0.0",
        "seats": False,
        "started_unix_s": 0.0,
    }
    (folder / run_folder.RUN).write_text(json.dumps(run | changes), "utf-8")
    monkeypatch.setattr(paths, "run_dir", lambda: folder)
    monkeypatch.setattr(runfile.RunFile, "is_alive", lambda _: True)
    monkeypatch.setattr(statusfile, "read", lambda _: {"urls": {"shop": "http://127.0.0.1:8080"}})
    monkeypatch.setattr("lab.plan.host_addresses.own_address", lambda: "10.0.0.7")


@pytest.mark.parametrize(
    ("public_url", "words", "link"),
    [
        (URL, [], f"{URL}/?seat=anna"),
        (URL, ["--shop", "http://other.example/"], "http://other.example/?seat=anna"),
        ("", [], "http://10.0.0.7:8080/?seat=anna"),
    ],
)
def test_seat_links_have_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    public_url: str,
    words: list[str],
    link: str,
) -> None:
    """`lab seats` prints links to the public address, unless --shop gives another."""
    _running(tmp_path, monkeypatch, public_url=public_url)

    assert seats.run(cli.parse(cli.BY_NAME["seats"], ["anna", *words])) == 0
    assert capsys.readouterr().out == f"anna\t{link}\n"


def test_a_lab_of_an_older_version_is_still_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run file without the address means that there is none."""
    _running(tmp_path, monkeypatch)
    run = runfile.read(tmp_path)

    assert run is not None
    assert run.public_url == ""
