"""What the tests ask of a container engine, through its command line. Knows nothing of the lab's inside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache

from tests.helpers import REPO, eventually

BUILD_WITHIN_S = 420
HEALTHY_WITHIN_S = 180
SHOPPERS = "2"


def why_not() -> str:
    """Why no container can be run here, in a sentence; empty when one can."""
    if not shutil.which("docker"):
        return "there is no docker command here"
    if run(["docker", "version"], within_s=20).returncode:
        return "no container engine answers the docker command"
    return "" if compose_command() else "there is neither `docker compose` nor docker-compose here"


@cache
def compose_command() -> list[str]:
    """Compose as the engine's plug-in, else as a program of its own, else nothing."""
    if run(["docker", "compose", "version"], within_s=20).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else []


def run(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, within_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """A command in the clone's folder, with its output as text; its exit code is the caller's to judge."""
    return subprocess.run(
        command,
        cwd=REPO,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=within_s,
        check=False,
    )


class Containers:
    """The containers of one compose project."""

    def __init__(self, project: str, ports: Mapping[str, int]) -> None:
        self.project = project
        self.shop = f"http://127.0.0.1:{ports['SHOP']}"
        self.observer = f"http://127.0.0.1:{ports['OBSERVER']}"
        self._environment = {f"LAB_{name}_PORT": str(number) for name, number in ports.items()}
        self._environment |= {"LOADGEN_USERS": SHOPPERS, "INCIDENT": "invalid-token"}

    def compose(self, *words: str, within_s: float = 90, **environment: str) -> str:
        """Compose on this project; its output. Fails with that output when compose does."""
        command = [*compose_command(), "-p", self.project, *words]
        result = run(command, {**self._environment, **environment}, within_s=within_s)
        assert result.returncode == 0, f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}"
        return result.stdout

    def start(self) -> None:
        """Build, start, and wait until every health check says so."""
        self.compose("build", within_s=BUILD_WITHIN_S)
        self.compose("up", "-d", within_s=HEALTHY_WITHIN_S)
        self.all_healthy()

    def all_healthy(self) -> None:
        """Wait until every container that stays is healthy; fail with the names and words of the others."""
        try:
            eventually(lambda: not self.unwell(), "every container is healthy", within_s=HEALTHY_WITHIN_S)
        except AssertionError:
            words = "\n".join(self.words(name) for name in self.unwell())
            raise AssertionError(f"not healthy: {', '.join(self.unwell())}\n{words}") from None

    def unwell(self) -> list[str]:
        """The services whose container is not healthy now; `flags` has done its work and ended."""
        return sorted(name for name, state in self.health().items() if state != "healthy" and name != "flags")

    def health(self) -> dict[str, str]:
        """Each service and what its health check last said (`starting`, `healthy`, `unhealthy`)."""
        return self._asked("{{with .State.Health}}{{.Status}}{{end}}")

    def exit_codes(self) -> dict[str, str]:
        """Each service and the code its container ended with."""
        return self._asked("{{.State.Status}} {{.State.ExitCode}}")

    def restarts(self, name: str) -> int:
        """How often the engine has started this service's container again."""
        return int(self._asked("{{.RestartCount}}")[name])

    def inside(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """A command inside a service's container, as the user that it runs as."""
        return run(["docker", "exec", self._ids()[name], *command])

    def words(self, name: str) -> str:
        """The last lines that a service's container wrote."""
        return run(["docker", "logs", "--tail", "20", self._ids()[name]]).stdout

    def verify(self, incident: str, *options: str) -> subprocess.CompletedProcess[str]:
        """`lab verify` against these containers, from outside."""
        command = [sys.executable, "-m", "lab", "verify", "--incident", incident, "--within", "40"]
        command += ["--shop", self.shop, "--observer", self.observer, *options]
        return run(command, within_s=180)

    def left_overs(self) -> list[str]:
        """Containers, volumes and networks of this project that are still there."""
        mine = ["--filter", f"label=com.docker.compose.project={self.project}", "--quiet"]
        kinds = (["docker", "ps", "--all"], ["docker", "volume", "ls"], ["docker", "network", "ls"])
        return [line for kind in kinds for line in run([*kind, *mine]).stdout.split()]

    def remove(self) -> None:
        """Take everything away, also after a failed start."""
        self.compose("down", "--volumes", "--remove-orphans")

    def _ids(self) -> dict[str, str]:
        command = ["docker", "ps", "--all", "--filter", f"label=com.docker.compose.project={self.project}"]
        command += ["--filter", "label=com.docker.compose.oneoff=False"]
        lines = run([*command, "--format", '{{.Label "com.docker.compose.service"}} {{.ID}}']).stdout
        return dict(line.split() for line in lines.splitlines())

    def _asked(self, what: str) -> dict[str, str]:
        ids = self._ids()
        answers = run(["docker", "inspect", "--format", what, *ids.values()]).stdout.splitlines()
        return dict(zip(ids, answers, strict=True))
