"""`python3 -m lab`: refuses an unsupported Python or system in one sentence, then runs `lab.setup.bootstrap`.

This file must parse on any Python from 3.6, so that an old one prints the reason. Before anything else it
shuts out what the user's shell would change: closed streams, Python's variables, modules in the way.
"""

# pathlib would import modules that a file in the way could hide.
# ruff: noqa: PTH100, PTH109, PTH112, PTH118, PTH120

import os
import sys
import time

LOWEST = (3, 11)
HIGHEST = (3, 14)
CLEAN = "LAB_STARTED_CLEAN"
"""Set for the command that was started anew: what still differs then cannot be changed."""


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


def open_closed_streams() -> None:
    """Open /dev/null in place of a standard stream that the caller closed.

    Else the next file that is opened would be taken for it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number, which is this one. Not inherited until it is said so.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            stream = open(number, mode, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - stays open
            setattr(sys, name, stream)
    for stream in (sys.stdout, sys.stderr):
        # A folder's name may hold bytes that are no text.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def isolate() -> None:
    """Leave the user's shell behind: its variables for other programs, and modules that hide the library's.

    Starts this command anew, once, where Python itself was changed by them.
    """
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    put_in_order(sys.path, root)
    from lab import child_environment
    from lab.child_environment import Purpose

    changed = child_environment.changes_python(os.environ) or bool(
        sys.flags.optimize or sys.flags.dev_mode or sys.warnoptions or sys.getfilesystemencoding() != "utf-8"
    )
    kept = child_environment.environment_of(Purpose.COMMAND)
    if changed and sys.executable and CLEAN not in os.environ:
        script = os.path.join(root, "lab", "__main__.py")
        words = [sys.executable, script, *sys.argv[1:]]
        os.execve(sys.executable, words, {**kept, CLEAN: "1"})  # noqa: S606 - the same command
    os.environ.clear()
    os.environ.update(kept)


def put_in_order(path: "list[str]", root: str) -> None:
    """Move the clone behind the standard library: a `queue.py` in it is nobody's queue.

    The folder in which the command was given goes, too.
    """
    here = ("", root, os.getcwd() if os.path.isdir(".") else "")
    path[:] = [entry for entry in path if entry not in here]
    site = (i for i, entry in enumerate(path) if entry.endswith(("site-packages", "dist-packages")))
    path.insert(next(site, len(path)), root)


def leave(code: int) -> int:
    """Write out what was printed; returns the exit code. A reader that has gone is not an error."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            # Python would try again at its end, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if stream is sys.stdout:
                sys.stderr.write(f"The output could not be written: {error.strerror}.\n")
                code = code or 1
        except ValueError:
            pass
    return code


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


def command() -> int:
    """Run the command, apart from the shell that gave it; returns its exit code."""
    open_closed_streams()
    if not unsupported(sys.version_info[:2], sys.platform):
        isolate()
    try:
        return leave(main())
    except SystemExit as end:
        # argparse prints its help and exits.
        raise SystemExit(leave(0) or end.code) from None


if __name__ == "__main__":
    sys.exit(command())
