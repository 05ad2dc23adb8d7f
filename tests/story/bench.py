"""One real lab for the tests of the story, with proxies where links can be broken."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import incidents
from incidents import Incident
from lab.state import control_token, run_folder
from observer.lookup.flag_states import FlagReader
from observer.lookup.lab_status import Process
from tests.helpers import REPO, eventually
from tests.story.proxies import Gate, Proxy


@dataclass
class Bench:
    """A lab, a proxy before its shop, one behind paymentservice's telemetry, a door before its calls."""

    run_dir: Path
    shop: Proxy
    payment_telemetry: Proxy
    payment_door: Gate
    urls: dict[str, str]

    def verify(self, *arguments: str, observer: str = "") -> dict[str, Any]:
        """Verify through the proxy: exit code, and what each step came to."""
        addresses = ["--shop", self.shop.url, "--observer", observer or self.urls["observer"]]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "lab.verify",
                *addresses,
                "--format",
                "json",
                "--driver",
                "script",
                *arguments,
            ],
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout, f"verify printed nothing on standard output: {done.stderr}"
        (incident,) = json.loads(done.stdout)["incidents"]
        steps = {step["name"]: step for step in incident["steps"]}
        return {"code": done.returncode, "steps": steps}

    @contextmanager
    def mended(self, fault: str) -> Iterator[None]:
        """The lab with one of its faults taken out of the flag file while it runs."""
        file = self.run_dir / "flags.json"
        before = file.read_text("utf-8")
        document = json.loads(before)
        del document["flags"][fault]
        self._switch(json.dumps(document), 200)
        try:
            yield
        finally:
            self._switch(before, 500)

    @contextmanager
    def running(self, incident: Incident) -> Iterator[None]:
        """The lab under another incident, in force for shop and provider alike."""
        before = (self.run_dir / "flags.json").read_text("utf-8")
        self.write_flags(incidents.flagd_json(incident))
        try:
            eventually(lambda: self.in_force(incident), f"the services follow {incident.name}")
            yield
        finally:
            self._switch(before, 500)

    def in_force(self, incident: Incident) -> bool:
        """Whether every process uses the flags of this incident, by its own account."""
        status = json.loads((self.run_dir / "status.json").read_text("utf-8"))
        token = control_token.read(self.run_dir, run_folder.FLAGS_TOKEN)
        processes = [
            Process(row["name"], row["state"], 0, row["address"] or "") for row in status["processes"]
        ]
        return FlagReader(token).flags(processes).incident == (incident.same_fault_as or incident.name)

    def write_flags(self, flags: str) -> None:
        """Replace the flag file, as the lab does."""
        partial = self.run_dir / "flags.next"
        partial.write_text(flags, "utf-8")
        partial.replace(self.run_dir / "flags.json")

    def _switch(self, flags: str, checkout_status: int) -> None:
        self.write_flags(flags)
        eventually(
            lambda: self.checkout()["status"] == checkout_status, f"checkouts are answered {checkout_status}"
        )

    def checkout(self, seat: str = "probe") -> dict[str, Any]:
        """What a person's checkout comes to just now: status, heading, trace id and so on."""
        command = [sys.executable, "-m", "loadgen.student", "--shop", self.urls["shop"], "--seat", seat]
        done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=30, check=False)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["checkout"]
        return found

    def ask(self, path: str) -> Any:
        """The JSON of the API at a path; OSError while there is none."""
        try:
            with urllib.request.urlopen(f"{self.urls['observer']}/api/v1{path}", timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            # It holds the connection, which would be closed at some later moment with a warning.
            with error:
                raise OSError(f"{error.code} at {path}") from None

    def post(self, path: str, body: bytes, content_type: str = "application/json") -> int:
        """Send telemetry to the collector as anybody may; the status."""
        request = urllib.request.Request(
            f"{self.urls['otlp_http']}{path}", body, {"Content-Type": content_type}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
