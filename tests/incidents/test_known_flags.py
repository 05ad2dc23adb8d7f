"""The list of flags that incidents may name is what the services declare, with the same healthy values."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import incidents
import services
from incidents import loading
from incidents.flag_tables import TENANT_LEVELS, known_flags
from services.common import flags, seat
from services.common.server import Backend
from tests.incidents.test_loading import WHOLE, write


def declared() -> Iterator[flags.Flag]:
    """Every flag of every service: those named in modules, and the delays of backends and provider."""
    for module in pkgutil.iter_modules(services.__path__):
        found = importlib.import_module(f"services.{module.name}.server")
        for value in vars(found).values():
            if isinstance(value, Backend):
                yield from value.flags
                yield flags.delay_flag(value.short_name)
            elif isinstance(value, flags.Flag):
                yield value
    yield from (value for _, value in inspect.getmembers(flags) if isinstance(value, flags.Flag))


def test_the_list_of_flags_is_what_the_services_declare() -> None:
    known = known_flags(loading.read(loading.DATA / "_flags.toml"))
    listed = {key: dict(value) if isinstance(value, Mapping) else value for key, value in known.items()}
    assert listed == {flag.key: flag.off for flag in declared()}
    for key, value in listed.items():
        assert type(value) is type({flag.key: flag.off for flag in declared()}[key]), key


def test_the_tenant_levels_are_those_of_the_shop() -> None:
    assert set(TENANT_LEVELS) == set(seat.TENANT_LEVELS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[flags.cart_price_typoo]\nvalue = true\nimitates = 'I.'",
            "made.toml: flags.cart_price_typoo: is no flag of the shop; use one of: ad_delay_ms, buttercup_",
        ),
        (
            "[flags.cart_price_typo]\nvalue = 'yes'\nimitates = 'I.'",
            "flags.cart_price_typo.value: is 'yes'; write the kind of value that the shop reads: false",
        ),
        (
            "[flags.cart_delay_ms]\nvalue = { min = 1, max = 2 }\nhealthy = 0\nimitates = 'I.'",
            "flags.cart_delay_ms.healthy: is 0; write the kind of value that the shop reads: { min",
        ),
        (
            "[flags.cart_price_typo]\nvalue = false\ntenants = { golden = true }\nimitates = 'I.'",
            "flags.cart_price_typo.tenants.golden: is no tenant level; use one of: bronze, gold, silver",
        ),
        (
            "[flags.cart_price_typo]\nvalue = false\ntenants = { gold = 1 }\nimitates = 'I.'",
            "flags.cart_price_typo.tenants.gold: is 1; write the kind of value that the shop reads: false",
        ),
    ],
)
def test_a_flag_that_the_shop_does_not_know_is_an_error(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(incidents.IncidentError) as caught:
        incidents.load("made", write(tmp_path, WHOLE + text))
    assert told in str(caught.value), caught.value
