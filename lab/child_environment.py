"""The environment of every process that `lab` starts, out of the user's own: only what is named here passes.

A user's shell is set up for other work: another Python project, another OpenTelemetry application, a
proxy, a git hook, an odd locale. Whatever this list does not name cannot change the lab. Standard
library only, and little of it: `lab` asks this before anything else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from enum import Enum

FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}
"""Each thread's own heap costs memory that seventeen small processes never use."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SETTINGS = (
    *("ALERT_INTERVAL_S", "ALERT_WEBHOOK_TIMEOUT_S", "ALERT_WEBHOOK_URL", "DETECTORS_DIR"),
    *("BUTTERCUP_THREADS", "BUTTERCUP_TIMEOUT_S", "BUTTERCUP_TOKEN", "COLLECTOR_IDLE_TIMEOUT_S"),
    *(
        "COLLECTOR_MAX_IN_FLIGHT_BYTES",
        "COLLECTOR_MAX_REQUEST_BYTES",
        "COLLECTOR_SETTLE",
        "COLLECTOR_THREADS",
    ),
    *("CONTROL_MOST_USERS", "DEPLOYMENT_ENVIRONMENT", "FRONTEND_THREADS", "HIPSTERLAB_WEB_DIR"),
    *("LISTEN_BODY_S", "LISTEN_HEADER_S", "LISTEN_IDLE_S", "LISTEN_MAX_CONNECTIONS"),
    *("KEY_OPERATIONS",),
    *("LOADGEN_MASTER_LISTEN", "LOADGEN_PACE", "LOADGEN_SPAWN_RATE"),
    *("OBSERVER_READER_PROCESSES", "OBSERVER_THREADS"),
    *("ORDER_ROUTE", "REDIS_ADDR"),
    *("RUM_APP_NAME", "RUM_AUTH", "RUM_ENABLED", "RUM_ENVIRONMENT", "RUM_REALM"),
    *("STORE_MAX_AGE_S", "STORE_MAX_BYTES", "STORE_MAX_SERIES", "STORE_MAX_SERIES_OF_METRIC", "STORE_URL"),
    *("TRUSTED_PROXIES",),
)
"""The settings of the processes that a user may choose for a lab; the others are the plan's."""
_EVERYWHERE = (
    *("PATH", "HOME", "USER", "LOGNAME", "TZ", "CHROMIUM_PATH"),
    # An interpreter that is linked to a library in a folder of its own does not start without.
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
)
# Where an installed tool keeps its data (lab/paths.py).
_USER_FOLDERS = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
_OF_COMMANDS = (
    *_USER_FOLDERS,
    *("TERM", "NO_COLOR", "COLUMNS", "LINES", "LAB_RUN_DIR", "LAB_REQUESTED_AT", "LAB_SETUP_CHECKED"),
    "LAB_FORK_SERVER",
    *("LAB_VERIFY_SHOP", "LAB_VERIFY_OBSERVER", "SEAT_SECRET"),
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_OF_DOWNLOADS = (
    *_PROXIES,
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *("NETRC", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"),
    # A version manager's npm finds its Node.js by them.
    *("NVM_DIR", "VOLTA_HOME", "ASDF_DIR", "ASDF_DATA_DIR", "NODENV_ROOT", "FNM_DIR"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY"),
    *("PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT", "PIP_CACHE_DIR", "PIP_FIND_LINKS", "PIP_NO_INDEX"),
    *("PIP_KEYRING_PROVIDER", "PIP_CONFIG_FILE"),
    *("UV_INDEX", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX"),
    *("UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_INSECURE_HOST", "UV_HTTP_TIMEOUT", "UV_CACHE_DIR"),
    *("UV_KEYRING_PROVIDER", "UV_CONFIG_FILE"),
)
_MORE_OF_DOWNLOADS = re.compile(
    r"UV_INDEX_\w+_(USERNAME|PASSWORD)"
    r"|(?i:npm_config)_((?i:registry|proxy|https[-_]proxy|noproxy|ca|cafile|strict[-_]ssl|cache"
    r"|userconfig|globalconfig)|//.*|@.*)"
)
_OF_TESTS = ("CI", "FORCE_COLOR", "PY_COLORS", "PYTEST_ADDOPTS")
_SAME_FOR_ALL = {
    # Names of files and text are UTF-8 whatever the shell's locale is, and messages are English.
    "LC_ALL": "C.UTF-8",
    "PYTHONUTF8": "1",
    "PYTHONIOENCODING": "utf-8:backslashreplace",
    # No packages from the user's folder, and no module of the folder in which the command was given.
    "PYTHONNOUSERSITE": "1",
    "PYTHONSAFEPATH": "1",
    "PYTHONUNBUFFERED": "1",
}


class Purpose(Enum):
    """What a process is started for, which decides what it needs."""

    COMMAND = "a command of lab"
    DOWNLOAD = "a tool of set-up: pip, uv, npm, git"
    SUPERVISOR = "the supervisor of a lab in the background"
    PROCESS = "a process of the lab, a student, a browser"
    TESTS = "the tests and benchmarks"


_PASSES: Mapping[Purpose, tuple[str, ...]] = {
    Purpose.COMMAND: (*_EVERYWHERE, *SETTINGS, *_OF_COMMANDS, *_OF_DOWNLOADS, *_OF_TESTS),
    Purpose.DOWNLOAD: (*_EVERYWHERE, *_OF_DOWNLOADS),
    Purpose.SUPERVISOR: (
        *_EVERYWHERE,
        *SETTINGS,
        *_USER_FOLDERS,
        "LAB_RUN_DIR",
        "LAB_REQUESTED_AT",
        "SEAT_SECRET",
    ),
    Purpose.PROCESS: (*_EVERYWHERE, *SETTINGS, "LAB_RUN_DIR"),
    # A test that starts a lab must not use the run folder of the one that runs here.
    Purpose.TESTS: (*_EVERYWHERE, *_OF_DOWNLOADS, *_OF_TESTS, "TERM", "NO_COLOR", "COLUMNS"),
}
_DOWNLOADING = (Purpose.COMMAND, Purpose.DOWNLOAD, Purpose.TESTS)


def environment_of(purpose: Purpose, outer: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a process that is started for `purpose`.

    `outer` is the user's own, by default this process's. Proxies reach only what downloads, and never
    stand before this machine itself.
    """
    given = os.environ if outer is None else outer
    kept = {name: given[name] for name in _PASSES[purpose] if given.get(name)}
    if purpose in _DOWNLOADING:
        kept |= {name: value for name, value in given.items() if _MORE_OF_DOWNLOADS.fullmatch(name)}
    folder = given.get("TMPDIR", "")
    if os.path.isabs(folder) and os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):  # noqa: PTH117, PTH112
        kept["TMPDIR"] = folder
    kept.setdefault("PATH", os.defpath)
    others = given.get("NO_PROXY") or given.get("no_proxy") or ""
    kept["NO_PROXY"] = kept["no_proxy"] = _joined(others.split(",") if purpose in _DOWNLOADING else ())
    kept |= _SAME_FOR_ALL
    if purpose is Purpose.TESTS:
        # They start commands in other clones, which are found by the folder.
        del kept["PYTHONSAFEPATH"]
    return kept


def _joined(hosts: Iterable[str]) -> str:
    named = [host.strip() for host in hosts]
    return ",".join(dict.fromkeys([*(host for host in named if host), *LOOPBACK]))


def changes_python(environ: Mapping[str, str]) -> bool:
    """Whether a variable in `environ` changes how this interpreter works: a path, warnings, an encoding."""
    return any(
        name.startswith("PYTHON") and value and _SAME_FOR_ALL.get(name) != value
        for name, value in environ.items()
        # About the speed of a start and of its output, which `lab` decides anyway.
        if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    )
