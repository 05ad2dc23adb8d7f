"""The observer's settings and its command line."""

from __future__ import annotations

import pytest

from collector.settings import Settings as CollectorSettings
from observer.server import main
from observer.settings import Settings
from runtime.settings import describe


def test_help_names_every_setting_and_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` used to start a server."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    for each in describe(Settings):
        assert f"\n  {each.env}\n" in printed
    assert "8090" in printed


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--port", "80"])
    assert ended.value.code == 2


def test_collector_and_observer_meet_in_the_same_file_by_default() -> None:
    assert Settings().store_path == CollectorSettings().store_path
