"""What the real helm makes of the chart: rendered once for each set of values, as Kubernetes' objects."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # ships no types

from lab.plan import chart
from tests.helpers import REPO

CHART = REPO / "deploy" / "helm" / "hipster-lab"
HELM = Path(sys.executable).parent / "helm"
NAMESPACE = "class-a"
VALUES = ("values.yaml", *sorted(path.name for path in CHART.glob("values-*.yaml")))
"""The values files that ship; each is rendered over the first, as helm does."""
CLASS_300 = "values-class-300.yaml"
OVER_CLICKHOUSE = "values-class-300-clickhouse.yaml"
"""The values file whose store is a server."""
ON_A_FILE = tuple(name for name in VALUES if name != OVER_CLICKHOUSE)
Object = dict[str, Any]


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    """A helm command on the chart, with its output."""
    command = [str(HELM), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@dataclass(frozen=True)
class Rendered:
    """The objects of one set of values."""

    objects: tuple[Object, ...]

    def of(self, kind: str) -> dict[str, Object]:
        """Name -> object of this kind."""
        return {found["metadata"]["name"]: found for found in self.objects if found["kind"] == kind}

    def workloads(self) -> dict[str, Object]:
        """Name -> what makes pods."""
        return self.of("Deployment") | self.of("StatefulSet")

    def table(self) -> dict[str, Any]:
        """The pods of the table that stand in it: over a server, nobody shares one."""
        if "telemetry" in self.workloads():
            return PODS
        return {name: pod for name, pod in PODS.items() if name != "telemetry"} | APART

    def containers(self) -> Iterator[tuple[str, Object]]:
        """(name of the workload, container) of every container."""
        for name, workload in self.workloads().items():
            for container in workload["spec"]["template"]["spec"]["containers"]:
                yield name, container

    def container(self, name: str) -> tuple[str, Object]:
        """The one container of this name, and its workload."""
        [found] = [(pod, each) for pod, each in self.containers() if each["name"] == name]
        return found

    def environment(self, name: str) -> dict[str, Any]:
        """Variable -> value of one container; of a secret, its reference."""
        entries = self.container(name)[1]["env"]
        found = {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in entries}
        assert len(found) == len(entries), f"{name} has a variable twice"
        return found

    def behind(self, service: str, port: int) -> tuple[str, int]:
        """(workload, port of its pods) that answer at a port of a Service."""
        spec = self.of("Service")[service]["spec"]
        [entry] = [each for each in spec["ports"] if each["port"] == port]
        [pod] = [
            name
            for name, workload in self.workloads().items()
            if spec["selector"].items() <= workload["spec"]["template"]["metadata"]["labels"].items()
        ]
        return pod, entry["targetPort"]

    def allows(self, caller: str, callee: str, port: int) -> bool:
        """Whether the policies let pods of one workload call a port of another's: both ends must agree."""
        return self._has_rule(caller, "egress", "to", callee, port) and self._has_rule(
            callee, "ingress", "from", caller, port
        )

    def _has_rule(self, of: str, direction: str, side: str, peer: str, port: int) -> bool:
        for policy in self.of("NetworkPolicy").values():
            if not _selects(policy["spec"]["podSelector"], self._labels(of)):
                continue
            for rule in policy["spec"].get(direction) or ():
                peers = rule.get(side)
                fits = peers is None or any(
                    set(each) == {"podSelector"} and _selects(each["podSelector"], self._labels(peer))
                    for each in peers
                )
                if fits and port in [each["port"] for each in rule["ports"]]:
                    return True
        return False

    def _labels(self, workload: str) -> dict[str, str]:
        found: dict[str, str] = self.workloads()[workload]["spec"]["template"]["metadata"]["labels"]
        return found


def _selects(selector: Object, labels: dict[str, str]) -> bool:
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


@cache
def rendered(values: str = VALUES[0], *settings: str) -> Rendered:
    """The chart with one of its values files and `--set` words."""
    result = render(values, *settings)
    assert result.returncode == 0, result.stderr
    return Rendered(tuple(each for each in yaml.safe_load_all(result.stdout) if each))


def render(values: str = VALUES[0], *settings: str) -> subprocess.CompletedProcess[str]:
    """`helm template`, with its output."""
    words = [word for setting in settings for word in ("--set", setting)]
    return helm("template", "class", str(CHART), "-n", NAMESPACE, "-f", str(CHART / values), *words)


PODS: dict[str, Any] = chart.document()["pods"]
APART: dict[str, Any] = chart.document()["apart"]
