"""What of a user's shell reaches the processes that `lab` starts, and what never does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import __main__ as entry
from lab.child_environment import SETTINGS, Purpose, changes_python, environment_of
from lab.plan import planning, topology
from lab.plan.options import Options
from lab.plan.settings_reference import settings_of
from lab.supervision import child_setup
from runtime.settings import describe
from tests.helpers import REPO

HOSTILE = {
    **dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT"), "/elsewhere"),
    **dict.fromkeys(("PYTHONWARNINGS", "PYTHONOPTIMIZE", "PYTHONHASHSEED", "PYTHONDEVMODE"), "1"),
    **dict.fromkeys(("OTEL_PROPAGATORS", "OTEL_TRACES_EXPORTER", "OTEL_SERVICE_NAME"), "mine"),
    **dict.fromkeys(("OTEL_SDK_DISABLED", "OTEL_PYTHON_CONTEXT", "OTEL_BSP_MAX_QUEUE_SIZE"), "1"),
    **dict.fromkeys(("OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_HEADERS"), "a=b"),
    **dict.fromkeys(("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_GLOBAL"), "/elsewhere"),
    **dict.fromkeys(("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_NO_DEPS"), "1"),
    **dict.fromkeys(("LD_PRELOAD", "NODE_OPTIONS", "npm_config_dry_run", "UV_SYSTEM_PYTHON"), "1"),
    **dict.fromkeys(("VIRTUAL_ENV", "CONDA_PREFIX", "GRPC_VERBOSITY", "FLASK_DEBUG", "PORT"), "1"),
    **dict.fromkeys(("SHOP_URL", "LISTEN_ADDR", "LAB_TOKEN", "CLASS_DB", "CART_DB", "DEBUG"), "1"),
    **dict.fromkeys(("LANG", "LC_CTYPE", "LANGUAGE"), "de_DE.ISO-8859-1"),
}
PROXIES = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://x:1")
NEEDED = {"PATH": "/usr/bin", "HOME": "/home/anna", "TZ": "Europe/Berlin", "CHROMIUM_PATH": "/opt/chromium"}


@pytest.mark.parametrize("purpose", Purpose)
def test_what_hurts_never_passes(purpose: Purpose) -> None:
    """Whatever the process is for; what every process needs does."""
    kept = environment_of(purpose, HOSTILE | NEEDED)

    assert {name for name in HOSTILE if name in kept} == set()
    assert kept.items() >= NEEDED.items()
    assert kept["LC_ALL"] == "C.UTF-8"
    assert kept["PYTHONUTF8"] == kept["PYTHONNOUSERSITE"] == "1"
    assert ("PYTHONSAFEPATH" in kept) == (purpose is not Purpose.TESTS)
    assert not changes_python(kept)


def test_only_what_downloads_goes_through_a_proxy() -> None:
    """And never to this machine itself; whoever runs has no proxy at all."""
    company = {
        **PROXIES,
        "no_proxy": "intranet, ,localhost",
        "PIP_INDEX_URL": "https://index.example",
        "NPM_CONFIG_REGISTRY": "https://npm.example",
        "npm_config_@mine:registry": "https://npm.example",
        "npm_config_//npm.example/:_authToken": "secret",
        "UV_INDEX_MINE_PASSWORD": "secret",
    }
    for purpose in (Purpose.DOWNLOAD, Purpose.COMMAND):
        kept = environment_of(purpose, company)
        assert {name: kept.get(name) for name in company if name != "no_proxy"} == {
            name: value for name, value in company.items() if name != "no_proxy"
        }
        assert kept["NO_PROXY"] == kept["no_proxy"] == "intranet,localhost,127.0.0.1,::1"
    for purpose in (Purpose.PROCESS, Purpose.SUPERVISOR):
        kept = environment_of(purpose, company)
        assert not set(kept) & set(company) - {"no_proxy"}
        assert kept["NO_PROXY"] == "127.0.0.1,localhost,::1"


def test_a_folder_for_temporary_files_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wrong in ("", "relative", str(tmp_path / "absent"), str(tmp_path / "file")):
        assert "TMPDIR" not in environment_of(Purpose.PROCESS, {"TMPDIR": wrong})
    assert environment_of(Purpose.PROCESS, {"TMPDIR": str(tmp_path)})["TMPDIR"] == str(tmp_path)


def test_there_is_always_a_path() -> None:
    assert environment_of(Purpose.PROCESS, {"PATH": ""})["PATH"] == os.defpath


def test_every_setting_that_the_plan_leaves_to_the_user_passes(tmp_path: Path) -> None:
    """A new setting belongs into `SETTINGS` of lab/child_environment.py, unless the plan sets it."""
    options = Options(free_ports=True, data=tmp_path, class_mode=True)
    secrets = {"seat_secret": "s", "control_token": "c", "flags_token": "f"}
    built = planning.build(options, tmp_path, **secrets, environment={})
    planned = {name for process in built.processes for name in process.environment}
    known = {each.env for service in topology.SERVICES for each in describe(settings_of(service.module))}

    planned.add(child_setup.LISTENER_FD)  # By the supervisor, which holds the socket.
    planned.add("LOADGEN_MASTER_ADDR")  # A worker has no pages, by which a lab knows its load generator.
    planned |= {"ALERTS_TOKEN", "ALERTS_URL"}  # Of screens on other machines; those of a lab share its file.

    assert set(SETTINGS) - {"DEPLOYMENT_ENVIRONMENT", "HIPSTERLAB_WEB_DIR"} == known - planned
    for name in SETTINGS:
        assert environment_of(Purpose.PROCESS, {name: "chosen"})[name] == "chosen"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONPATH": ""}, False),
        ({"PYTHONUTF8": "1"}, False),
        ({"PYTHONUTF8": "0"}, True),
        ({"PYTHONPATH": "/x"}, True),
        ({"PYTHONWARNINGS": "error"}, True),
    ],
)
def test_pythons_own_variables_are_noticed(environ: dict[str, str], expected: bool) -> None:
    assert changes_python(environ) is expected


def test_the_clone_stands_behind_the_standard_library() -> None:
    """Before installed packages, which may have the names of our own."""
    path = ["/clone", "", "/usr/lib/python3.11", "/usr/lib/lib-dynload", "/x/site-packages", "/y"]
    entry.put_in_order(path, "/clone")

    assert path == ["/usr/lib/python3.11", "/usr/lib/lib-dynload", "/clone", "/x/site-packages", "/y"]


def hostile_folder(folder: Path) -> Path:
    """A folder whose modules hide those of the library, and break."""
    folder.mkdir()
    for name in ("queue", "signal", "socket", "subprocess", "argparse", "logging", "usercustomize"):
        (folder / f"{name}.py").write_text("raise ImportError('of another project')\n", "utf-8")
    return folder


def lab(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    """`python -m lab words` in a shell that is set up for something else."""
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-m", "lab", *words],
        cwd=REPO,
        text=True,
        check=False,
        timeout=60,
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


@pytest.mark.parametrize(
    "setting",
    [
        {"PYTHONWARNINGS": "error"},
        {"PYTHONOPTIMIZE": "2"},
        {"PYTHONDEVMODE": "1"},
        {"LC_ALL": "de_DE.ISO-8859-1"},
        {"LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_a_command_in_an_odd_shell_prints_what_it_always_prints(
    tmp_path: Path, setting: dict[str, str]
) -> None:
    """Without a line of its own about it; a folder with modules in the way is in Python's path, too."""
    shadow = hostile_folder(tmp_path / "shadow")
    run_dir = tmp_path / "földer"
    variables = {"PATH": os.environ["PATH"], "LAB_RUN_DIR": str(run_dir), "PYTHONPATH": str(shadow)}
    done = lab("status", env=variables | setting)

    assert done.stderr.splitlines() == [
        "No lab is running from this folder.",
        "Start one with: python3 -m lab up",
    ]
    assert done.returncode == 1


def test_closed_streams_and_readers_that_go_are_no_error(tmp_path: Path) -> None:
    """No traceback, and the exit code is the command's."""
    variables = {**os.environ, "LAB_RUN_DIR": str(tmp_path)}
    for closed in ((0,), (1,), (2,), (0, 1, 2)):
        program = (
            f"import os, sys; [os.close(number) for number in {closed}]; "
            "os.execv(sys.executable, [sys.executable, '-m', 'lab', 'doctor'])"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=REPO,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), closed
        assert "Traceback" not in done.stderr + done.stdout
        assert (1 in closed) == (done.stdout == "")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        gone = lab("--help", env=variables, stdout=writer)
    finally:
        os.close(writer)
    assert (gone.returncode, gone.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = lab("doctor", env={**os.environ, "LAB_RUN_DIR": str(tmp_path)}, stdout=full)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "could not be written: No space left on device" in done.stderr
