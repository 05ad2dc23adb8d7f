"""Runs the examples of docs/proxy.md as they are written: nginx and Caddy, on loopback."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.helpers import REPO, eventually, free_port, required_in_ci

_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def example(language: str, screens: str, shop: str) -> str:
    """The example in this language with the ports of these addresses."""
    text = (REPO / "docs" / "proxy.md").read_text("utf-8")
    (found,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    for written, url in (("127.0.0.1:8090", screens), ("127.0.0.1:8080", shop)):
        assert written in found
        found = found.replace(written, urlsplit(url).netloc)
    return str(found)


@contextmanager
def nginx(screens: str, shop: str, folder: Path) -> Iterator[str]:
    """nginx with the example in its server; yields its address."""
    port = free_port()
    lines = [
        "daemon off; master_process off;",
        f"pid {folder}/nginx.pid; error_log {folder}/error.log;",
        "events {}",
        "http {",
        "access_log off;",
        *(f"{name}_temp_path {folder}/{name};" for name in _PATHS),
        f"server {{ listen 127.0.0.1:{port};",
        example("nginx", screens, shop),
        "} }",
    ]
    config = folder / "nginx.conf"
    config.write_text("\n".join(lines))
    with _serving(["nginx", "-p", str(folder), "-c", str(config)], port, folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def caddy(screens: str, shop: str, folder: Path, *, https: bool) -> Iterator[str]:
    """Caddy with the example as its site, by HTTPS with a certificate of its own or without."""
    port = free_port()
    options = [
        "admin off",
        "skip_install_trust",
        "local_certs",
        f"http_port {free_port()}",
        f"https_port {port}",
        "default_bind 127.0.0.1",
        f"storage file_system {folder}/caddy",
    ]
    text = example("caddy", screens, shop)
    if not https:
        text = text.replace("lab.example.org {", f"http://127.0.0.1:{port} {{")
        options = ["admin off", "auto_https off", "default_bind 127.0.0.1"]
    config = folder / "Caddyfile"
    config.write_text("\n".join(["{", *options, "}", text]))
    command = ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"]
    with _serving(command, port, folder):
        yield f"{'https' if https else 'http'}://127.0.0.1:{port}"


@contextmanager
def _serving(command: Sequence[str], port: int, folder: Path) -> Iterator[None]:
    """A proxy, from when its port is open until it is told to end."""
    program = shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin:/usr/local/sbin")
    if program is None:
        required_in_ci(f"{command[0]} is not installed")
    log = folder / f"{command[0]}.log"
    home = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [str(program), *command[1:]], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=home
        )

    def answers() -> bool:
        assert process.poll() is None, log.read_text("utf-8", "replace")
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True

    try:
        eventually(answers, f"{command[0]} listens", within_s=15)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
