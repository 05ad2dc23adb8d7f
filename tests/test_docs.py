"""Documents that cannot rot: what they name exists, and what exists is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import cli
from lab.plan import topology
from tests.helpers import REPO

README = (REPO / "README.md").read_text("utf-8")
SKIPPED = {".venv", ".lab", ".lab-tools", ".git", "node_modules"}


def documents() -> Iterator[Path]:
    """Every Markdown file of the project."""
    for path in sorted(REPO.rglob("*.md")):
        if not SKIPPED & set(path.relative_to(REPO).parts):
            yield path


def test_the_front_page_names_every_command() -> None:
    """A verb that the README does not name will not be found."""
    named = set(re.findall(r"`([a-z]+)`", README.partition("## Commands")[2].partition("\n## ")[0]))

    assert {verb.name for verb in cli.VERBS} <= named


@pytest.mark.parametrize("service", topology.SERVICES, ids=lambda service: service.name)
def test_the_front_page_lists_every_process_with_its_ports(service: topology.Service) -> None:
    """The table of processes is the table of the lab."""
    [row] = [line for line in README.splitlines() if line.startswith(f"| `{service.name}` |")]
    for port in service.ports:
        assert (f"**{port.fixed}**" if port.fixed else "free") in row


@pytest.mark.parametrize("path", list(documents()), ids=lambda path: str(path.relative_to(REPO)))
def test_every_link_between_documents_leads_somewhere(path: Path) -> None:
    """Relative links point at files that are there."""
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file = target.partition("#")[0]
        elsewhere = "://" in target or target.startswith(("mailto:", "/"))
        if file and not elsewhere and not (path.parent / file).exists():
            dead.append(target)

    assert dead == []


def test_every_decision_is_in_the_index() -> None:
    """The index lists each page of docs/adr once, and each has the four parts."""
    folder = REPO / "docs" / "adr"
    index = (folder / "000-index.md").read_text("utf-8")
    pages = sorted(path.name for path in folder.glob("[0-9]*.md") if path.name != "000-index.md")

    assert re.findall(r"\]\((\d{3}-[a-z0-9-]+\.md)\)", index) == pages
    for name in pages:
        text = (folder / name).read_text("utf-8")
        assert all(part in text for part in ("Status:", "## Context", "## Decision", "## Consequences")), name


@pytest.mark.parametrize(
    "service", [s for s in topology.SERVICES if s.module.startswith("services.")], ids=lambda s: s.name
)
def test_every_backend_folder_opens_the_same_way(service: topology.Service) -> None:
    """server.py to read, README.md with purpose, RPCs, knobs and what breaks it."""
    folder = REPO / service.module.replace(".", "/")

    assert (folder / "server.py").is_file()
    assert (folder / "README.md").is_file()


def test_the_changelog_has_a_place_for_what_comes() -> None:
    """Unreleased on top."""
    text = (REPO / "CHANGELOG.md").read_text("utf-8")

    assert text.index("## [Unreleased]") < (text.find("## [0") if "## [0" in text else len(text))


def test_nothing_of_a_page_comes_from_elsewhere() -> None:
    """No page, style or script names another origin to load from: workshops run without the internet."""
    wrong = []
    for room in ("frontend", "observer"):
        for path in sorted((REPO / room).rglob("*")):
            if path.suffix in (".html", ".css", ".js") and path.is_file():
                for line in path.read_text("utf-8").splitlines():
                    loads = re.search(r"""(?:src|href|url|import)\s*[=(]?\s*["'(]?https?://""", line)
                    if loads and "<a " not in line and "www.w3.org" not in line:
                        wrong.append(f"{path.relative_to(REPO)}: {line.strip()[:80]}")

    assert wrong == []


def test_every_file_that_the_architecture_names_exists() -> None:
    """A newcomer who follows docs/architecture.md finds each file where it says."""
    text = (REPO / "docs" / "architecture.md").read_text("utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|html|sql|toml|md))`", text))
    assert named, "docs/architecture.md names no file"
    gone = [name for name in sorted(named) if not (REPO / name).exists()]
    gone = [name for name in gone if not (REPO / "observer" / name).exists()]

    assert gone == []
