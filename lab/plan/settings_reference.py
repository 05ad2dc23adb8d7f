"""Writes `docs/settings.md` from the settings of every process.

`python -m lab.plan.settings_reference > docs/settings.md`. A test compares the committed file with this.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lab.plan import topology
from runtime.settings import SettingInfo, describe

_HEAD = """\
# Settings

Written by `python -m lab.plan.settings_reference > docs/settings.md` from the `Settings` of each process; a
test compares them. Every setting is an environment variable; an empty value means the default.
`python -m <module> --help` prints the settings of one process. A malformed value ends the process with code 2
and one sentence that names the variable, its value and what is allowed. The lab itself sets addresses, ports
and files ([architecture.md](architecture.md#environment-variables)).
"""
_COMMON = ("services.common.settings", "CommonSettings")


def main() -> int:
    """Print the page."""
    sys.stdout.write(render())
    return 0


def render() -> str:
    """The page's text."""
    return "\n".join([_HEAD, *_sections()])


def settings_of(module: str) -> type[Any]:
    """The settings class of a runnable module, in its `settings` or else its `server` module."""
    found = importlib.util.find_spec(f"{module}.settings")
    name = f"{module}.settings" if found else f"{module}.server"
    settings: type[Any] = importlib.import_module(name).Settings
    return settings


def _sections() -> Iterator[str]:
    base: type[Any] = getattr(importlib.import_module(_COMMON[0]), _COMMON[1])
    common = {each.env: each for each in describe(base)}
    yield "## Every process of the shop\n"
    yield from _table(common.values())
    for service in topology.SERVICES:
        settings = settings_of(service.module)
        yield f"## {service.name}\n"
        yield f"`python -m {service.module}`: {service.purpose}.\n"
        rows: Sequence[SettingInfo] = describe(settings)
        if issubclass(settings, base):
            rows = [each for each in rows if common.get(each.env) != each]
            yield "The settings of every process of the shop" + (", and:\n" if rows else ".\n")
        if rows:
            yield from _table(rows)


def _table(rows: Iterable[SettingInfo]) -> Iterator[str]:
    yield "| variable | default | must be | meaning |"
    yield "| --- | --- | --- | --- |"
    for each in rows:
        # A description of the default is prose; a value has no blanks.
        default = each.default if not each.default or " " in each.default else f"`{each.default}`"
        yield f"| `{each.env}` | {default} | {each.allowed} | {each.help} |"
    yield ""


if __name__ == "__main__":
    raise SystemExit(main())
