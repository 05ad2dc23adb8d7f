"""Builds what is not Python, once for a machine and version, into `.lab-tools/`; skips where a tool lacks."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers import REPO, required_in_ci

TOOLS = REPO / ".lab-tools"
COLLECTOR = REPO / "deploy" / "otelcol"
PROGRAMS = Path(__file__).resolve().parent / "programs"
BUILD_S = 900
"""Cold, a collector is some 1,730 packages: minutes of two cores."""


def otelcol() -> Path:
    """The OpenTelemetry Collector of `deploy/otelcol`."""
    # Not optimised, it is built in 5.2 minutes of processor time instead of some 8, and it runs for seconds.
    return _built(COLLECTOR, "otelcol", ("-tags", "remove_all_sd", "-gcflags=all=-N -l"))


def go_sender() -> Path:
    """The sender that uses the SDK for Go."""
    return _built(PROGRAMS / "go", "sender")


def node_sender() -> list[str]:
    """The command of the sender that uses the SDK for JavaScript."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        required_in_ci("no Node.js with npm (18.19 or newer)")
        raise AssertionError
    folder = PROGRAMS / "node"
    names = ("package.json", "package-lock.json", "main.mjs")
    target = TOOLS / f"node-{_digest([folder / name for name in names])}"
    with _alone(target.name):
        if not (target / "complete").exists():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for name in names:
                shutil.copyfile(folder / name, target / name)
            _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], target)
            (target / "complete").touch()
    return [node, os.fspath(target / "main.mjs")]


def _built(module: Path, name: str, flags: Sequence[str] = ()) -> Path:
    go = _go(module)
    if go is None:
        required_in_ci(f"no Go of version {'.'.join(map(str, _wanted(module)))} or newer")
        raise AssertionError
    files = [path for path in sorted(module.iterdir()) if path.suffix in (".go", ".mod", ".sum")]
    target = TOOLS / f"{name}-{_digest(files, flags)}"
    with _alone(target.name):
        if not target.exists():
            # Renamed when it is whole: a build that was stopped leaves no program.
            parts = target.with_name(f"{target.name}.part")
            command = [go, "build", "-trimpath", "-ldflags=-s -w", *flags, "-o", os.fspath(parts), "."]
            _run(command, module)
            parts.rename(target)
    return target


def _go(module: Path) -> str | None:
    """A Go that is new enough for this module: of the machine, else the one that `.ci/run` installed."""
    for path in (shutil.which("go"), shutil.which("go", path=os.fspath(TOOLS / "go" / "bin"))):
        # Asked in the module's folder, an older Go that may fetch a newer one says the version of that.
        if path and _numbers(_said([path, "env", "GOVERSION"], module)) >= _wanted(module):
            return path
    return None


def _said(command: Sequence[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def _wanted(module: Path) -> tuple[int, ...]:
    found = re.search(r"^go ([0-9.]+)$", (module / "go.mod").read_text(), re.MULTILINE)
    assert found
    return _numbers(found[1])


def _numbers(text: str) -> tuple[int, ...]:
    found = re.search(r"[0-9.]+", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _digest(paths: Sequence[Path], flags: Sequence[str] = ()) -> str:
    digest = hashlib.sha256(" ".join(flags).encode())
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Only one test process builds one thing."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str], folder: Path) -> None:
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )
    if result.returncode:
        pytest.fail(f"{' '.join(command[:2])} failed: {result.stderr[-2000:]}")


def main() -> None:
    """Build all of it, as `.ci/run` does ahead of the tests, which time what they see."""
    go_sender()
    node_sender()
    otelcol()


if __name__ == "__main__":
    main()
