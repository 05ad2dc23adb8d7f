"""`python3 -m lab`: refuses what cannot work in one sentence, then hands over to `lab.setup.bootstrap`.

This file must be readable by any Python from 3.6, so that an old one can be told.
"""

import os
import sys
import time

LOWEST = (3, 11)
HIGHEST = (3, 14)


def unsupported(version: "tuple[int, int]", platform: str) -> str:
    """Say in two lines why this interpreter or system will not do; empty when it will."""
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
    """Let this command and all it starts keep compiled modules, whatever the machine's setting.

    They land in .venv and in ignored folders of the clone; without them every start
    compiles some 2,000 modules again and takes a second and a half longer.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def main() -> int:
    """Check the interpreter, note the moment that we were asked, go on."""
    refusal = unsupported(sys.version_info[:2], sys.platform)
    if refusal:
        sys.stderr.write(refusal + "\n")
        return 1
    # Kept over the re-execution inside the environment, and over nothing else.
    if "LAB_SETUP_CHECKED" not in os.environ:
        os.environ["LAB_REQUESTED_AT"] = repr(time.monotonic())
    keep_bytecode()
    from lab.setup import bootstrap

    return bootstrap.main(sys.argv[1:])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
