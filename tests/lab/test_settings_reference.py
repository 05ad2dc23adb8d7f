"""Every setting is documented: `docs/settings.md` is what the settings classes give."""

from __future__ import annotations

import pytest

from lab.plan import settings_reference, topology
from runtime.settings import describe, help_text
from tests.helpers import REPO

EVERY_PROCESS = pytest.mark.parametrize("service", topology.SERVICES, ids=lambda service: service.name)


def test_the_page_is_what_the_settings_give() -> None:
    """A new setting, or another default, is in the document with the same commit."""
    committed = (REPO / "docs" / "settings.md").read_text("utf-8")

    assert committed == settings_reference.render(), (
        "run: python -m lab.plan.settings_reference > docs/settings.md"
    )


@EVERY_PROCESS
def test_every_variable_that_the_lab_sets_is_a_setting(service: topology.Service) -> None:
    """A wire to a variable that the process does not read would be ignored without a word."""
    known = {each.env for each in describe(settings_reference.settings_of(service.module))}

    assert {port.variable for port in service.ports} | set(service.calls) <= known


@EVERY_PROCESS
def test_every_setting_has_a_help_text(service: topology.Service) -> None:
    """One sentence, printed by `--help`."""
    settings = settings_reference.settings_of(service.module)
    printed = help_text(settings, service.name)

    for each in describe(settings):
        assert each.help.endswith("."), each.env
        assert f"\n  {each.env}\n      {each.help} ({each.allowed})" in printed
