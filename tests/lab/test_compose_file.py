"""The compose file's writer: its command, and the forms of its YAML; tests/containers holds its content."""

from __future__ import annotations

import pytest
import yaml  # type: ignore[import-untyped]

from lab.plan import compose, topology


def test_the_command_prints_what_is_rendered(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m lab.plan.compose > docker-compose.yml`, with the header that says so."""
    assert compose.main() == 0
    printed = capsys.readouterr().out

    assert printed == compose.render()
    assert printed.startswith("# Written by `python -m lab.plan.compose`")


def test_the_text_is_the_document() -> None:
    """A real YAML parser reads back what was written."""
    assert yaml.safe_load(compose.render()) == compose.document()


@pytest.mark.parametrize(
    "service", [each for each in topology.SERVICES if each.contained], ids=lambda service: service.name
)
def test_a_container_waits_for_what_its_process_waits_for(service: topology.Service) -> None:
    """And all for the flags."""
    waits = compose.document()["services"][service.name]["depends_on"]

    assert set(waits) == {"flags", *service.after}
