"""Settings: read from the environment, refused in one sentence, printed by `--help`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from runtime import settings
from runtime.settings import (
    ADDRESS,
    BOOLEAN,
    HTTP_URL,
    INTEGER,
    PATH,
    PORT,
    SECONDS,
    SettingsError,
    positive_number,
    setting,
    whole_number,
)


@dataclass(frozen=True, slots=True)
class Base:
    """Settings of a base class."""

    port: int = setting(0, "PORT", "A port.", PORT)
    seed: int | None = setting(None, "A_SEED", "A seed.", INTEGER)


@dataclass(frozen=True, slots=True)
class Example(Base):
    """Settings of every kind."""

    secret: str = setting("", "A_SECRET", "A secret.", secret=True)
    on: bool = setting(False, "A_SWITCH", "A switch.", BOOLEAN)
    there: str = setting("127.0.0.1:1", "AN_ADDRESS", "An address.", ADDRESS)
    url: str = setting("", "A_URL", "A URL.", HTTP_URL)
    folder: Path = setting(Path(sys.prefix), "A_FOLDER", "A folder.", PATH, shown="the environment")
    wait_s: float = setting(1.0, "A_WAIT", "A wait.", SECONDS)
    threads: int = setting(2, "THREADS", "Threads.", whole_number(1, 64))
    pace: float = setting(1.0, "PACE", "A pace.", positive_number(100))


def test_settings_come_from_the_environment_and_empty_means_default() -> None:
    """Blanks count as empty, and variables of others are ignored."""
    loaded = settings.load(Example, {"PORT": "81", "A_SWITCH": "Yes", "AN_ADDRESS": " ", "OTHER": "x"})

    assert (loaded.port, loaded.on, loaded.there, loaded.seed) == (81, True, "127.0.0.1:1", None)


def test_values_are_normalized() -> None:
    """Surrounding blanks, a slash at the end of a URL and `~` mean nothing to those that read the value."""
    loaded = settings.load(
        Example, {"A_URL": " http://shop/ ", "A_FOLDER": "~/x", "AN_ADDRESS": " [::1]:80 ", "A_SECRET": " s "}
    )

    assert loaded.url == "http://shop"
    assert loaded.folder == Path.home() / "x"
    assert (loaded.there, loaded.secret) == ("[::1]:80", "s")


@pytest.mark.parametrize(
    ("env", "value", "allowed"),
    [
        ("PORT", "65536", "a port, 0 to 65535"),
        ("PORT", "-1", "a port, 0 to 65535"),
        ("PORT", "eighty", "a port, 0 to 65535"),
        ("A_SWITCH", "maybe", "true or false"),
        ("AN_ADDRESS", "nowhere", "host:port"),
        ("AN_ADDRESS", ":80", "host:port"),
        ("AN_ADDRESS", "host:0", "host:port"),
        ("A_URL", "shop:80", "a URL that begins with http:// or https://"),
        ("A_URL", "http://", "a URL that begins with http:// or https://"),
        ("A_SEED", "1.5", "a whole number"),
        ("A_WAIT", "-1", "seconds, 0 or more"),
        ("A_WAIT", "inf", "seconds, 0 or more"),
        ("A_WAIT", "nan", "seconds, 0 or more"),
        ("THREADS", "0", "a whole number from 1 to 64"),
        ("THREADS", "65", "a whole number from 1 to 64"),
        ("PACE", "0", "a number above 0, at most 100"),
        ("PACE", "nan", "a number above 0, at most 100"),
    ],
)
def test_a_malformed_setting_names_variable_value_and_what_is_allowed(
    env: str, value: str, allowed: str
) -> None:
    """One sentence is enough to repair it."""
    with pytest.raises(SettingsError) as error:
        settings.load(Example, {env: value})

    assert str(error.value) == f"{env}={value!r} is not understood: it must be {allowed}."


def test_overrides_show_what_changed_but_no_secret() -> None:
    """The log at start names every setting that is not the default."""
    loaded = settings.load(Example, {"A_SECRET": "hush", "PORT": "81"})

    assert list(settings.overrides(loaded)) == [("PORT", "0", "81"), ("A_SECRET", "", "(hidden)")]


def test_a_malformed_setting_ends_a_process_with_code_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lab does not start a process again that ends so."""
    monkeypatch.setenv("PORT", "x")
    with pytest.raises(SystemExit) as ended:
        settings.load_or_exit(Example, [], "title")

    assert ended.value.code == 2
    assert capsys.readouterr().err == "PORT='x' is not understood: it must be a port, 0 to 65535.\n"


def test_an_unknown_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """`--port 80` does not silently start something on another port."""
    with pytest.raises(SystemExit) as ended:
        settings.load_or_exit(Example, ["--port", "80"], "title")

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("--port is not understood")


def test_help_names_every_setting_with_what_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    """A default that differs between machines is described, one that is None or empty left out."""
    with pytest.raises(SystemExit) as ended:
        settings.load_or_exit(Example, ["--help"], "example: a title.")

    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert printed.startswith("example: a title.\n")
    assert "  PORT\n      A port. (a port, 0 to 65535) Default: 0.\n" in printed
    assert "  A_SEED\n      A seed. (a whole number)\n" in printed
    assert "Default: the environment." in printed
