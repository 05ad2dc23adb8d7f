"""Holds the house's one-way arrows, its declared libraries and its budget of lines, by reading the code."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.helpers import REPO

ROOMS = (
    "alerting",
    "classroom",
    "collector",
    "frontend",
    "incidents",
    "lab",
    "loadgen",
    "observer",
    "protos",
    "runtime",
    "services",
    "signals",
    "store",
)
# Which room may import which other; `services.common` is the part that outsiders may use.
MAY_IMPORT: dict[str, set[str]] = {
    "runtime": set(),
    "signals": set(),
    "protos": set(),
    "incidents": set(),
    "classroom": {"runtime"},
    "store": {"runtime", "signals"},
    "services": {"protos", "runtime", "services.common"},
    "frontend": {"protos", "runtime", "services.common"},
    "loadgen": {"protos", "runtime", "services.common"},
    "collector": {"runtime", "signals", "store"},
    "alerting": {"runtime", "signals", "store"},
    "observer": {"alerting", "classroom", "incidents", "runtime", "signals", "store"},
    "lab": {"classroom", "incidents", "runtime"},
}
# The same inside `lab`, from the ground up: every module or package of it and those that it may import.
LAB_MAY_IMPORT: dict[str, set[str]] = {
    "child_environment": set(),
    "errors": set(),
    "paths": set(),
    "durations": set(),
    "terminal": {"errors"},
    # Finds a verb's module by name, and the verbs' levels are the vocabulary of set-up.
    "cli": {"errors", "terminal"},
    "state": {"errors", "paths", "terminal"},
    "plan": {"child_environment", "errors", "paths", "state"},
    "supervision": {"errors", "paths", "plan", "state"},
    "run": {"child_environment", "errors", "paths", "plan", "state", "supervision", "terminal"},
    "setup": {"child_environment", "cli", "errors", "paths", "plan", "state", "terminal"},
    "verify": {"child_environment", "errors", "paths", "state", "terminal"},
    "control": {"durations", "errors", "state"},
    "commands": {
        "child_environment",
        "durations",
        "errors",
        "paths",
        "plan",
        "run",
        "setup",
        "state",
        "terminal",
        "verify",
    },
    "__main__": {"child_environment", "setup"},
}
# Beyond the arrows, for a reason each.
EXCEPTIONS = {
    # Asks the services for the flags they really use, over gRPC: the interface, not the code.
    ("observer", "protos"),
}
# Of this room, outsiders may import only these modules; tests and benchmarks may open its engines.
FACADES = {"store": {"store", "store.api"}, "classroom": {"classroom"}, "alerting": {"alerting"}}
# Inside a room: which of its folders may import which other; modules beside the folders import none of them.
INNER_ROOMS: dict[str, dict[str, set[str]]] = {
    "store/sqlite": {"write": set(), "read": set()},
}
# Inside the observer: which parts, or modules of a part, each part may import besides itself. Each screen is
# a part. `app` puts all of them together.
OBSERVER_MAY_IMPORT: dict[str, set[str]] = {
    "settings": set(),
    "drawing": set(),
    "trace_notes": set(),
    "serializers": {"trace_notes"},
    "request": {"settings"},
    "lookup": {"request.errors", "settings"},
    "components": {"drawing", "request", "settings", "trace_notes", "web"},
    "api": {"lookup", "request", "serializers", "trace_notes"},
    # A process of its own, which asks the API over HTTP.
    "agents": set(),
    "screens": {
        "components", "drawing", "lookup", "request", "serializers", "settings", "trace_notes",
    },
}  # fmt: skip
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
GENERATED = ("_pb2.py", "_pb2_grpc.py")


def sources(*folders: str) -> Iterator[Path]:
    """The Python files of these folders, generated code left out."""
    for folder in folders:
        for path in sorted((REPO / folder).rglob("*.py")):
            if not path.name.endswith(GENERATED):
                yield path


@cache
def imports(path: Path) -> tuple[tuple[str, int], ...]:
    """Every absolute module name that a file imports, anywhere in it, with its line."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return tuple(found)


def allowed(room: str, module: str) -> bool:
    """Whether a file of `room` may import `module`."""
    target = module.partition(".")[0]
    if target not in ROOMS or target == room or (room, target) in EXCEPTIONS:
        return True
    return any(f"{module}.".startswith(f"{name}.") for name in MAY_IMPORT[room])


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_point_one_way(room: str) -> None:
    """No room imports a room that it must not know."""
    wrong = [
        f"{path.relative_to(REPO)}:{line} imports {module}"
        for path in sources(room)
        for module, line in imports(path)
        if not allowed(room, module)
    ]

    assert wrong == []


@pytest.mark.parametrize("part", LAB_MAY_IMPORT)
def test_arrows_inside_the_lab_point_one_way(part: str) -> None:
    """No part of the command line imports one that it must not know, even inside a function."""
    wrong = [
        f"{path.relative_to(REPO)}:{line} imports {module}"
        for path in sources("lab")
        if _part_of_lab(_module(path)) == part
        for module, line in imports(path)
        if module.startswith("lab.") and _part_of_lab(module) not in {part, *LAB_MAY_IMPORT[part]}
    ]

    assert wrong == []


def test_the_arrows_inside_the_lab_name_every_part_of_it_in_order() -> None:
    """Each arrow leads to a part further up in the table, so none can lead back."""
    parts = {path.stem for path in (REPO / "lab").glob("*") if (path / "__init__.py").exists()}
    parts |= {path.stem for path in (REPO / "lab").glob("*.py")} - {"__init__"}
    order = list(LAB_MAY_IMPORT)

    assert set(order) == parts
    assert all(targets <= set(order[: order.index(part)]) for part, targets in LAB_MAY_IMPORT.items())


def _part_of_lab(module: str) -> str:
    """The module or package directly inside `lab` that a module name begins with; empty for `lab` itself."""
    return f"{module}.".split(".")[1]


def test_no_import_goes_in_a_circle() -> None:
    """Of two modules, one can be read and changed without the other, even where an import is put off."""
    modules = {_module(path): path for path in sources(*ROOMS)}
    graph = {
        name: {found for target, _ in imports(path) for found in _loaded(target, name, modules)}
        for name, path in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imported in a circle: {' -> '.join(error.args[1])}")


def _module(path: Path) -> str:
    name = ".".join(path.relative_to(REPO).with_suffix("").parts)
    return name.removesuffix(".__init__")


def _loaded(target: str, importer: str, modules: Mapping[str, Path]) -> set[str]:
    """The module of an imported name, and the packages around it, whose `__init__` runs before it.

    The packages around the importer are left out: they are being imported already.
    """
    found = _known(target, modules)
    loaded = {found}
    while found := found.rpartition(".")[0]:
        loaded.add(_known(found, modules))
    around = {importer[:index] for index, letter in enumerate(importer) if letter == "."}
    return loaded - around - {"", importer}


def _known(target: str, modules: Mapping[str, Path]) -> str:
    """The module that an imported name lies in, or nothing."""
    while target and target not in modules:
        target = target.rpartition(".")[0]
    return target


@pytest.mark.parametrize("room", FACADES)
def test_outsiders_import_a_room_by_its_facade(room: str) -> None:
    """What lies behind a façade can be changed without a look at other rooms."""
    modules = {_module(path): path for path in sources(room)}
    wrong = [
        f"{path.relative_to(REPO)}:{line} imports {target}"
        for other in ROOMS
        if other != room
        for path in sources(other)
        for target, line in imports(path)
        if target.partition(".")[0] == room and _known(target, modules) not in FACADES[room]
    ]

    assert wrong == []


def test_one_engine_knows_nothing_of_the_other() -> None:
    """What both need lies beside them. The copy of the newest metrics is a file, kept as any other."""
    allowed = {
        ("store/clickhouse/metrics.py", "store.sqlite.read.reader.SqliteReader"),
        ("store/clickhouse/metrics.py", "store.sqlite.write.writer.SqliteWriter"),
        ("store/clickhouse/metrics.py", "store.sqlite.write.metric_ingest.SeriesBounds"),
    }
    found = {
        (str(path.relative_to(REPO)), target)
        for engine, other in (("clickhouse", "sqlite"), ("sqlite", "clickhouse"))
        for path in sources(f"store/{engine}")
        for target, _ in imports(path)
        if target.startswith(f"store.{other}")
    }

    assert found - allowed == set()


@pytest.mark.parametrize("folder", INNER_ROOMS)
def test_inner_rooms_know_only_what_they_may(folder: str) -> None:
    """Halves of a room meet in the modules beside them, which know neither."""
    prefix = folder.replace("/", ".")
    rooms = INNER_ROOMS[folder]
    wrong = []
    for path in sources(folder):
        parts = path.relative_to(REPO / folder).parts
        own = parts[0] if len(parts) > 1 else ""
        may = {own} | rooms.get(own, set())
        for module, line in imports(path):
            target = module.removeprefix(f"{prefix}.").partition(".")[0]
            if module.startswith(f"{prefix}.") and target in rooms and target not in may:
                wrong.append(f"{path.relative_to(REPO)}:{line} imports {module}")

    assert wrong == []


@pytest.mark.parametrize("part", OBSERVER_MAY_IMPORT)
def test_arrows_inside_the_observer_point_one_way(part: str) -> None:
    """A screen can be changed without a look at others or the API, and drawing without any of them."""
    found = REPO / "observer" / part
    wrong = []
    for path in sources(f"observer/{part}") if found.is_dir() else [found.with_suffix(".py")]:
        own = _part_of(_module(path))
        for module, line in imports(path):
            target = module.removeprefix("observer.")
            if target == module or _part_of(module) == own:
                continue
            if not any(f"{target}.".startswith(f"{name}.") for name in OBSERVER_MAY_IMPORT[part]):
                wrong.append(f"{path.relative_to(REPO)}:{line} imports {module}")

    assert wrong == []


def test_every_folder_of_the_observer_has_its_arrows() -> None:
    """A new folder is not free to import everything because nobody listed it."""
    folders = {path.parent.name for path in (REPO / "observer").glob("*/__init__.py")}

    assert sorted(folders - OBSERVER_MAY_IMPORT.keys()) == []


def _part_of(module: str) -> str:
    """The part of the observer that a module lies in: `request`, `screens.rum`, `app`."""
    names = module.split(".")[1:]
    return ".".join(names[: 2 if names[:1] == ["screens"] else 1])


def test_services_know_one_another_by_address_only() -> None:
    """One backend never imports another: only its own folder and what is common."""
    wrong = []
    for path in sources("services"):
        folder = path.relative_to(REPO / "services").parts[0]
        for module, line in imports(path):
            parts = module.split(".")
            if parts[0] == "services" and len(parts) > 1 and parts[1] not in (folder, "common"):
                wrong.append(f"{path.relative_to(REPO)}:{line} imports {module}")

    assert wrong == []


def test_the_lab_starts_on_the_standard_library_alone() -> None:
    """What runs before the environment exists imports nothing that must be installed, when it is imported."""
    modules = {_module(path): path for path in sources(*ROOMS)}
    waiting = {name for name in modules if name.startswith(("lab.setup", "lab.commands"))}
    waiting |= {"lab.__main__"}
    wrong = []
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for node in ast.parse(modules[name].read_text("utf-8")).body:
            for target in _targets(node):
                if target.partition(".")[0] in sys.stdlib_module_names:
                    continue
                found = _loaded(target, name, modules)
                # A name of the package around the importer is known, and loads nothing more.
                if not _known(target, modules):
                    wrong.append(f"{modules[name].relative_to(REPO)}:{node.lineno} imports {target}")
                waiting |= found - seen

    assert wrong == []


def _targets(node: ast.stmt) -> list[str]:
    """The modules and names that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


@pytest.mark.parametrize("room", [*ROOMS, "tests", "benchmarks"])
def test_files_and_functions_stay_short(room: str) -> None:
    """A file has at most 400 lines and a function at most 50: beyond that it is two things."""
    too_long = []
    for path in sources(room):
        text = path.read_text("utf-8")
        lines = text.count("\n")
        if lines > MAX_FILE_LINES:
            too_long.append(f"{path.relative_to(REPO)} has {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    too_long.append(f"{path.relative_to(REPO)}:{node.lineno} {node.name} has {length} lines")

    assert too_long == []


def test_every_module_says_what_it_owns() -> None:
    """Each file of ours opens with a docstring."""
    silent = [
        str(path.relative_to(REPO))
        for path in sources(*ROOMS, "tests", "benchmarks")
        if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]

    assert silent == []
