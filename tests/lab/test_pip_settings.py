"""Of pip's own settings set-up keeps those that say where packages come from."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lab.setup import environment, pip_settings


def test_a_configuration_that_sends_packages_elsewhere_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The company's index in the same file does."""
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://first.example/simple\nextra-index-url =\n  https://a.example\n"
        "  https://b.example\nrequire-virtualenv = true\n"
        "[install]\nuser = yes\ntarget = /elsewhere\nindex-url = https://second.example/simple\n",
        "utf-8",
    )
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "c.example")
    found = pip_settings.environment(Path(sys.executable))

    assert found["PIP_CONFIG_FILE"] == os.devnull
    assert found["PIP_INDEX_URL"] == "https://second.example/simple"
    assert found["PIP_EXTRA_INDEX_URL"] == "https://a.example https://b.example"
    assert found["PIP_TRUSTED_HOST"] == "c.example"
    assert not {"PIP_USER", "PIP_TARGET", "PIP_REQUIRE_VIRTUALENV"} & set(found)


@pytest.mark.parametrize("text", ["[global\nuser", "[global]\nindex-url"])
def test_a_configuration_that_pip_cannot_read_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(text, "utf-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    assert pip_settings.environment(Path(sys.executable))["PIP_CONFIG_FILE"] == os.devnull
    assert pip_settings.environment(tmp_path / "absent")["PIP_CONFIG_FILE"] == os.devnull


def test_packages_that_went_elsewhere_are_missed(tmp_path: Path) -> None:
    """By any spelling of their names; those with a condition may be absent."""
    lock = tmp_path / "lab.txt"
    lock.write_text(
        "Flask==3.1.0 \\\n    --hash=sha256:00\nruamel.yaml==1.0 \\\n    --hash=sha256:00\n"
        "old==1 ; python_full_version < '3.11.3' \\\n    --hash=sha256:00\nplain==2\n",
        "utf-8",
    )
    packages = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    for name in ("flask-3.1.0.dist-info", "ruamel_yaml-1.0.dist-info"):
        (packages / name).mkdir(parents=True)

    assert environment.absent_packages(tmp_path / "env", lock) == ["plain"]
