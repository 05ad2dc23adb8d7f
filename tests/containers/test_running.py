"""The lab in containers, for real: built, healthy, locked down, telling the story, gone afterwards.

Tests run in the order of the file: the last one stops what the first ones looked at.
"""

from __future__ import annotations

import json
import urllib.request

import pytest

from lab.plan import compose, topology
from tests.containers.engine import Containers, run
from tests.helpers import eventually

CONTAINED = [service.name for service in topology.SERVICES if service.contained]
# Over its base, nearly all of it Python packages; a compiler or a Node.js left behind would double it.
MOST_OWN_BYTES = 130_000_000

pytestmark = [pytest.mark.containers, pytest.mark.timeout(590)]


def stored_spans(containers: Containers) -> int:
    """How many spans the store in the containers holds, as the JSON API says."""
    with urllib.request.urlopen(f"{containers.observer}/api/v1/status", timeout=5) as answer:
        count: int = json.load(answer)["counts"]["spans"]
    return count


def test_every_process_has_a_healthy_container(containers: Containers) -> None:
    """All of the table, each with its health check passed, and the flags put in place."""
    assert set(containers.health()) == {*CONTAINED, "flags"}
    assert containers.unwell() == []
    assert containers.exit_codes()["flags"] == "exited 0"


@pytest.mark.parametrize("name", CONTAINED)
def test_a_container_is_locked_down(containers: Containers, name: str) -> None:
    """Not root, no capability, its own files read-only."""
    status = containers.inside(name, "cat", "/proc/self/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)

    assert fields["Uid"].split()[0] != "0"
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert containers.inside(name, "touch", "/app/written").returncode != 0


def test_the_image_holds_what_runs_and_no_more(containers: Containers) -> None:
    """Neither installers nor compilers, and small over its base."""
    for tool in ("pip", "npm", "node", "gcc"):
        found = containers.inside("frontend", "sh", "-c", f"command -v /opt/lab/bin/{tool} {tool}").stdout
        assert found == ""
    history = ["docker", "history", "--human=false", "--no-trunc", "--format", "{{.Size}} {{.CreatedBy}}"]
    lines = run([*history, compose.IMAGE]).stdout.splitlines()
    # The newest come first; the label is the first thing that the Dockerfile adds to its base.
    base = next(index for index, line in enumerate(lines) if "org.opencontainers.image.title" in line)

    assert sum(int(line.split(None, 1)[0]) for line in lines[:base]) < MOST_OWN_BYTES


def test_every_link_of_the_lesson_holds(containers: Containers) -> None:
    """`lab verify`, from outside, through the published ports."""
    result = containers.verify("invalid-token")

    assert result.returncode == 0, result.stdout


def test_another_incident_takes_over_while_it_runs(containers: Containers) -> None:
    """The one-off container writes new flags; the services notice, and the shop is healthy."""
    containers.compose("run", "--rm", "flags", INCIDENT="none")
    eventually(
        lambda: containers.verify("none", "--driver", "script").returncode == 0,
        "the healthy shop is verified",
        within_s=60,
    )


def test_what_was_stored_outlives_the_collectors_death(containers: Containers) -> None:
    """Killed inside its container, it is started again, and no span is missing."""
    before = stored_spans(containers)
    restarts = containers.restarts("collector")
    # Process 1 is the engine's little init; the collector is its only child.
    containers.inside("collector", "sh", "-c", "kill -9 $(cat /proc/1/task/1/children)")

    eventually(lambda: containers.restarts("collector") > restarts, "it was started again", within_s=30)
    containers.all_healthy()
    assert stored_spans(containers) >= before > 0


def test_stopping_is_graceful_and_leaves_nothing(containers: Containers) -> None:
    """Every process ends by itself with code 0 within its grace; then nothing of the project is left."""
    containers.compose("stop")
    unclean = {name: code for name, code in containers.exit_codes().items() if code != "exited 0"}
    assert unclean == {}

    containers.remove()
    assert containers.left_overs() == []
