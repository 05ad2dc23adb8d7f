"""`python3 -m lab`: refuses what cannot work in one sentence, then hands over to `lab.bootstrap`.

This file must be readable by any Python 3, so that an old one can be told.
"""

import os
import sys
import time

LOWEST = (3, 11)
HIGHEST = (3, 14)


def unsupported(version, platform):  # type: ignore[no-untyped-def]  # old interpreters read this file
    """Say in two lines why this interpreter or system will not do; empty when it will."""
    if platform == "win32":
        return (
            "Hipster Lab runs on Linux and macOS.\n"
            "On Windows, open a WSL terminal (wsl --install), clone the project there and run the same command."
        )
    if tuple(version[:2]) < LOWEST or tuple(version[:2]) > HIGHEST:
        return (
            "Hipster Lab needs Python %d.%d to %d.%d; this is %d.%d.\n" % (*LOWEST, *HIGHEST, *version[:2])
            + "Run it with a supported one, for example: %s -m lab" % _other_python()
        )
    return ""


def _other_python():  # type: ignore[no-untyped-def]  # old interpreters read this file
    import shutil

    for minor in range(HIGHEST[1], LOWEST[1] - 1, -1):
        if shutil.which("python3.%d" % minor):
            return "python3.%d" % minor
    return "python3.%d" % HIGHEST[1]


def main():  # type: ignore[no-untyped-def]  # old interpreters read this file
    """Check the interpreter, note the moment that we were asked, go on."""
    refusal = unsupported(sys.version_info, sys.platform)
    if refusal:
        sys.stderr.write(refusal + "\n")
        return 1
    os.environ.setdefault("LAB_ASKED_AT", repr(time.monotonic()))
    from lab import bootstrap

    return bootstrap.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
