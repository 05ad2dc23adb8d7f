"""`python3 -m lab`: refuses an unsupported Python or system in one sentence, then runs `lab.setup.bootstrap`.

This file must parse on any Python from 3.6, so that an old one prints the reason.
"""

import os
import sys
import time

LOWEST = (3, 11)
HIGHEST = (3, 14)


def unsupported(version: "tuple[int, int]", platform: str) -> str:
    """Return two lines saying why this interpreter or system is not supported; empty if it is."""
    if platform == "win32":
        return (
            "Hipster Lab runs on Linux and macOS.\n"
            "On Windows, open a WSL terminal (wsl --install), clone the project there, run the same command."
        )
    if version < LOWEST or version > HIGHEST:
        return (
            f"Hipster Lab needs Python {_dotted(LOWEST)} to {_dotted(HIGHEST)}; this is {_dotted(version)}.\n"
            + f"Run it with a supported one, for example: {_other_python()} -m lab"
        )
    return ""


def _other_python() -> str:
    import shutil

    for minor in range(HIGHEST[1], LOWEST[1] - 1, -1):
        if shutil.which(f"python3.{minor}"):
            return f"python3.{minor}"
    return f"python{_dotted(HIGHEST)}"


def _dotted(version: "tuple[int, int]") -> str:
    return ".".join(str(part) for part in version)


def keep_bytecode() -> None:
    """Keep compiled modules in this command and all that it starts, whatever the machine's setting.

    They are written to .venv and to ignored folders of the clone; without them every start
    compiles some 2,000 modules and takes 1.5 s longer.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def main() -> int:
    """Check the interpreter, record the time of the command, run it; returns the exit code."""
    refusal = unsupported(sys.version_info[:2], sys.platform)
    if refusal:
        sys.stderr.write(refusal + "\n")
        return 1
    # Survives the re-execution inside the environment, and nothing else.
    if "LAB_SETUP_CHECKED" not in os.environ:
        os.environ["LAB_REQUESTED_AT"] = repr(time.monotonic())
    keep_bytecode()
    try:
        from lab.setup import bootstrap

        return bootstrap.main(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
