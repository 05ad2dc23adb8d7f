"""Holds what the project declares against what its code uses: libraries, locks, packaged files."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.helpers import REPO
from tests.test_architecture import ROOMS, imports, sources

# Used by name (a plug-in, a command), so no import shows it.
USED_WITHOUT_IMPORT = {
    "grpcio-tools", "helm-binary", "mypy", "pytest-cov", "pytest-randomly", "pytest-timeout", "pytest-xdist",
    "ruff", "setuptools",
}  # fmt: skip


# Top-level module -> the distributions that bring (a part of) it.
Providers = Mapping[str, list[str]]


def test_every_library_that_is_used_is_declared() -> None:
    """What our code imports is pinned in pyproject.toml, not found by luck."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    runtime = {_name(pin) for pin in project["dependencies"]}
    everything = runtime | {_name(pin) for extra in extras.values() for pin in extra}
    browser = runtime | {_name(pin) for pin in extras["browser"]}
    # The drivers of a browser are imported where one is; the code generator is a tool.
    allowed_for = dict.fromkeys(("tests", "benchmarks", "protos"), everything)
    allowed_for |= dict.fromkeys(("lab", "loadgen"), browser)
    # Imported when an address names ClickHouse.
    allowed_for["store"] = runtime | {_name(pin) for pin in extras["clickhouse"]}
    # Only `observer.agents` imports the SDK of agents, a process that nothing else starts.
    of_agents = runtime | {_name(pin) for pin in extras["mcp"]}
    providers = packages_distributions()
    wrong = []
    for room in (*ROOMS, "tests", "benchmarks"):
        for path in sources(room):
            agents = path.is_relative_to(REPO / "observer/agents")
            declared = of_agents if agents else allowed_for.get(room, runtime)
            for module, line in imports(path):
                if not _is_declared(module, declared, providers):
                    wrong.append(f"{path.relative_to(REPO)}:{line} imports {module}")

    assert wrong == []


def test_every_declared_library_is_used() -> None:
    """A pin that nothing imports is a download for nothing."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {_name(pin) for pin in project["dependencies"]}
    declared |= {_name(pin) for extra in project["optional-dependencies"].values() for pin in extra}
    declared = {name for name in declared if not name.startswith("types-")} - USED_WITHOUT_IMPORT
    providers = packages_distributions()
    used: set[str] = set()
    for path in sources(*ROOMS, "tests", "benchmarks"):
        for module, _ in imports(path):
            used |= _distributions(module, providers)

    assert sorted(declared - used) == []


def _name(pin: str) -> str:
    return pin.partition("==")[0].strip().lower()


def _distributions(module: str, providers: Providers) -> set[str]:
    top = module.partition(".")[0]
    names = {name.lower() for name in providers.get(top, [])}
    if len(names) < 2:
        return names
    # A namespace (opentelemetry, google) belongs to many: the longest name that fits the module.
    dashed = module.replace(".", "-").replace("_", "-").lower()
    return {name for name in names if _fits(name, dashed)} or names


def _fits(distribution: str, dashed_module: str) -> bool:
    aliases = {
        "openfeature-sdk": "openfeature",
        "openfeature-provider-flagd": "openfeature-contrib-provider-flagd",
        "opentelemetry-api": "opentelemetry",
        "grpcio": "grpc",
    }
    return dashed_module.startswith(aliases.get(distribution, distribution))


def _is_declared(module: str, declared: set[str], providers: Providers) -> bool:
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in (*ROOMS, "tests", "benchmarks"):
        return True
    return bool(_distributions(module, providers) & declared)


def test_every_file_that_the_code_reads_is_in_a_built_package() -> None:
    """Templates, browser files, data and schemas go into the wheel; only the notes on a room stay out."""
    setuptools = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    data: dict[str, list[str]] = setuptools["package-data"]
    patterns = data.pop("*")
    packed = {
        found
        for package, own in data.items()
        for each in own
        for found in REPO.joinpath(*package.split(".")).glob(each)
    }
    files: set[Path] = set()
    for room in ROOMS:
        for path in (REPO / room).rglob("*"):
            if path.name == "__init__.py":
                packed.update(found for each in patterns for found in path.parent.glob(each))
            elif path.is_file() and path.suffix not in {".py", ".pyc"} and path.name != "README.md":
                files.add(path)

    assert sorted(str(path.relative_to(REPO)) for path in files - packed) == []


def test_the_locks_hold_what_is_pinned() -> None:
    """Every pin of pyproject.toml stands in the locks with the same version, and every entry has a hash."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    levels = {
        "lab": project["dependencies"],
        "browser": [*project["dependencies"], *extras["browser"]],
        "mcp": [*project["dependencies"], *extras["mcp"]],
        "clickhouse": [*project["dependencies"], *extras["clickhouse"]],
        "dev": [pin for pins in (project["dependencies"], *extras.values()) for pin in pins],
        "chdb": (REPO / "requirements" / "chdb.in").read_text("utf-8").split(),
    }
    for level, pins in levels.items():
        lock = (REPO / "requirements" / f"{level}.txt").read_text("utf-8")
        entries = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
        locked = {entry.split(";")[0].rstrip("\\ ").strip().lower() for entry in entries}

        assert sorted({pin.lower() for pin in pins} - locked) == [], f"run requirements/lock ({level}.txt)"
        assert all(entry.endswith("\\") for entry in entries), f"{level}.txt has an entry without a hash"
