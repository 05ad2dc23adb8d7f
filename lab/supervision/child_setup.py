"""Set-up of every process that the lab starts, forked or fresh, before its module runs.

A session of its own (so that Ctrl-C reaches the supervisor alone), standard
streams, a name in the process list, and death with the supervisor. Imports almost
nothing, so that gevent can patch a fresh interpreter.
"""

from __future__ import annotations

import importlib.util
import os
import runpy
import signal
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType

SUPERVISOR_PID = "LAB_SUPERVISOR_PID"
PROCESS_NAME = "LAB_PROCESS_NAME"
LISTENER_FD = "LISTENER_FD"
MAX_REQUEST_BYTES = 131_072
"""Of a request to the fork server."""
TAKEN_LISTENER = 3
"""The descriptor of the listening socket that a forked process takes over."""
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_ADOPTION_TIMEOUT_S = 2.0
# Of the C library; found once, before processes are forked.
_prctl: Callable[..., int] | None = None
_kept: dict[str, tuple[ModuleSpec, CodeType]] = {}


def prctl(option: int, value: int | bytes) -> bool:
    """Call Linux's prctl(2); returns False where it does not exist or fails."""
    if sys.platform != "linux":
        return False
    global _prctl
    if _prctl is None:
        import ctypes

        try:
            _prctl = ctypes.CDLL(None).prctl
        except (OSError, AttributeError):
            return False
    return int(_prctl(option, value, 0, 0, 0)) == 0


def adopt_orphans() -> bool:
    """Make this process the parent of orphaned descendants; returns False where that is not possible."""
    return prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(supervisor_pid: int) -> None:
    """End this process with the supervisor, by the kernel or, where it cannot, by a watching thread.

    Waits until the supervisor has adopted this process: PR_SET_PDEATHSIG concerns the current parent.
    """
    deadline = time.monotonic() + _ADOPTION_TIMEOUT_S
    while os.getppid() != supervisor_pid and time.monotonic() < deadline:
        time.sleep(0.001)
    armed = os.getppid() == supervisor_pid and prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor_pid:
        os._exit(1)
    if not armed:
        _watch_parent(supervisor_pid)


def _watch_parent(supervisor_pid: int) -> None:
    import threading

    def watch() -> None:
        while os.getppid() == supervisor_pid:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="lab-parent-watch", daemon=True).start()


def name_process(name: str) -> None:
    """Set the name shown in the process list (Linux; at most 15 bytes)."""
    prctl(_PR_SET_NAME, name.encode()[:15] + b"\0")


def show_command(words: Sequence[str]) -> None:
    """Replace the command line shown in the process list, which a fork inherits (Linux)."""
    if sys.platform != "linux":
        return
    import ctypes

    try:
        with open("/proc/self/stat", "rb") as file:  # noqa: PTH123 - pathlib would be imported for this alone
            fields = file.read().rpartition(b")")[2].split()
        start, room = int(fields[45]), int(fields[46]) - int(fields[45])
    except (OSError, ValueError, IndexError):
        return
    text = b"\0".join(word.encode() for word in words) + b"\0"
    if 0 < len(text) <= room:
        ctypes.memmove(start, text.ljust(room, b"\0"), room)


def take_streams(stdout: int, stderr: int, *listener: int) -> None:
    """Make two open files this process's output, /dev/null its input, and close every other file.

    A listening socket, if there is one, becomes `TAKEN_LISTENER`.
    """
    nothing = os.open(os.devnull, os.O_RDONLY)
    # Duplicated above the targets first: one of them could itself be a target.
    high = [os.dup(fd) for fd in (nothing, stdout, stderr, *listener)]
    while min(high) < len(high):
        high = [os.dup(fd) for fd in high]
    for target, source in enumerate(high):
        os.dup2(source, target)
    os.closerange(len(high), os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 65_536 else 65_536)


def take_environment(environment: Mapping[str, str]) -> None:
    """Replace the whole environment."""
    os.environ.clear()
    os.environ.update(environment)


def default_signals() -> None:
    """Restore the default signal handlers and mask that a fork inherits changed."""
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def keep_program(package: str) -> None:
    """Read what `run_module` runs for this package, so that processes forked later need not look for it.

    Looking and reading makes half a megabyte private in each of them. What has no program is left out.
    """
    name = f"{package}.__main__"
    try:
        spec = importlib.util.find_spec(name)
        loader = spec.loader if spec else None
        code = loader.get_code(name) if isinstance(loader, SourceFileLoader) else None
    except (ImportError, SyntaxError):
        return
    if spec and code:
        _kept[package] = spec, code


def allow_imported_programs() -> None:
    """Let `runpy` run a main module that is imported already: the fork server imports them on purpose."""
    warnings.filterwarnings("ignore", ".* found in sys.modules after import", RuntimeWarning)


def run_module(module: str, arguments: Sequence[str]) -> None:
    """Run `python -m module arguments` in this process; returns or raises SystemExit as the module does."""
    sys.argv = [module, *arguments]
    if module not in _kept:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return
    spec, code = _kept[module]
    program = ModuleType("__main__")
    program.__dict__.update(
        __spec__=spec,
        __file__=spec.origin,
        __cached__=spec.cached,
        __loader__=spec.loader,
        __package__=spec.parent,
    )
    sys.argv[0] = str(spec.origin)
    sys.modules["__main__"] = program
    exec(code, program.__dict__)  # noqa: S102 - what `runpy` does with the same code


def main(argv: Sequence[str]) -> None:
    """`python -m lab.supervision.child_setup MODULE [ARGUMENT…]`: run a module as a lab process."""
    name_process(os.environ.get(PROCESS_NAME, argv[0]))
    allow_imported_programs()
    die_with(int(os.environ[SUPERVISOR_PID]))
    run_module(argv[0], argv[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
