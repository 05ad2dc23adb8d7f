"""`python -m protos`: write the code generated from the .proto files anew; `--check` only compares.

Needs grpcio-tools (a development dependency) in the pinned version, for the
output differs between versions.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("protos/hipstershop.proto", "protos/lab.proto")


def generate(into: Path) -> Sequence[Path]:
    """Generate all code below `into`; the paths written, relative to it."""
    from grpc_tools import protoc

    well_known = resources.files("grpc_tools").joinpath("_proto")
    options = [f"--{kind}_out={into}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main(["protoc", f"-I{ROOT}", f"-I{well_known}", *options, *SOURCES]) != 0:
        raise SystemExit("protoc failed: see above")
    return sorted(path.relative_to(into) for path in into.rglob("*.py*"))


def differing() -> Sequence[Path]:
    """The generated files that are not what the .proto files give now."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder)
        return [
            path
            for path in generate(into)
            if not (ROOT / path).is_file() or (ROOT / path).read_bytes() != (into / path).read_bytes()
        ]


def main(argv: Sequence[str]) -> int:
    """0 when all is up to date (now); 1 when `--check` found a difference."""
    if list(argv) == ["--check"]:
        stale = differing()
        for path in stale:
            sys.stderr.write(f"{path} is not what its .proto gives: run python -m protos\n")
        return 1 if stale else 0
    generate(ROOT)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
