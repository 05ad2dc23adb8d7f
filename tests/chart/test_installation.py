"""The ClickHouse server that an operator makes for the class: whole, locked down, reached by its own."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import pytest

from tests.chart.rendering import OVER_CLICKHOUSE, VALUES, Object, Rendered, render, rendered
from tests.chart.test_objects import NEWEST, OLDEST, bytes_of
from tests.helpers import REPO

ASKED = "clickhouse.installation.enabled=true"
KIND = "ClickHouseInstallation"
WRITERS = {"collector", "observer", "alerting", "gateway"}


@pytest.fixture(name="lab")
def _lab() -> Rendered:
    return rendered(OVER_CLICKHOUSE, ASKED)


@pytest.fixture(name="spec")
def _spec(lab: Rendered) -> Object:
    found: Object = lab.of(KIND)["clickhouse"]["spec"]
    return found


def template(spec: Object, kind: str) -> Object:
    """The one template of this kind, which the defaults name."""
    [found] = spec["templates"][f"{kind}Templates"]
    chosen = {"pod": "podTemplate", "service": "serviceTemplate", "volumeClaim": "dataVolumeClaimTemplate"}
    assert spec["defaults"]["templates"][chosen[kind]] == found["name"]
    made: Object = found
    return made


@pytest.mark.parametrize("values", VALUES)
def test_no_server_is_made_unasked(values: str) -> None:
    assert rendered(values).of(KIND) == {}
    assert "clickhouse" not in rendered(values).of("NetworkPolicy")


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_what_it_is_made_of_is_of_kubernetes(lab: Rendered, spec: Object, version: str) -> None:
    """Pod, volume and Service inside, and every object beside it, strictly."""
    inside = [
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": "made"}, "spec": template(spec, name)["spec"]}
        for kind, name in (
            ("Pod", "pod"),
            ("Service", "service"),
            ("PersistentVolumeClaim", "volumeClaim"),
        )
    ]
    beside = [found for found in lab.objects if found["kind"] != KIND]

    for found in inside + beside:
        kubernetes_validate.validate(found, version, strict=True)


def test_its_pod_needs_no_privilege(spec: Object) -> None:
    """As every pod of the chart, with the user of its image; it writes to volumes only."""
    pod = template(spec, "pod")["spec"]
    [container] = pod["containers"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert mounted.pop(template(spec, "volumeClaim")["name"]) == "/var/lib/clickhouse"
    assert set(mounted) == {volume["name"] for volume in pod["volumes"]}
    limits, requests = container["resources"]["limits"], container["resources"]["requests"]
    assert bytes_of(limits["memory"]) > bytes_of(requests["memory"])


def test_its_user_has_the_password_of_the_secret(spec: Object) -> None:
    """No password stands in the resource; the document's Secret names its user, Service and ports."""
    users: dict[str, Any] = spec["configuration"]["users"]
    service = template(spec, "service")
    ports = {each["name"]: each["port"] for each in service["spec"]["ports"]}
    document = (REPO / "docs" / "kubernetes.md").read_text("utf-8")
    section = document.partition("### A server of the class's own")[2].partition("###")[0]
    [address] = [line.split("'")[1] for line in section.splitlines() if "--from-literal=url=" in line]
    url = urlsplit(address)

    assert users["lab/password"] == {"valueFrom": {"secretKeyRef": {"name": "clickhouse", "key": "password"}}}
    assert {name.partition("/")[0] for name in users} == {url.username}
    assert (url.hostname, url.port) == (service["generateName"], ports["http"])
    assert f"endpoint=tcp://{service['generateName']}:{ports['tcp']}" in section


def test_those_who_write_and_read_reach_it_and_the_operator(lab: Rendered) -> None:
    """Both ends allow it, at its two ports; a class beside it is not among them."""
    policies = lab.of("NetworkPolicy")
    into, out = policies["clickhouse"]["spec"], policies["telemetry-in-clickhouse"]["spec"]
    [rule] = into["ingress"]
    writers, *operators = rule["from"]
    [chosen] = writers["podSelector"]["matchExpressions"]

    assert into["podSelector"]["matchLabels"] == {"clickhouse.altinity.com/chi": "clickhouse"}
    assert {"podSelector": into["podSelector"]} in [to for each in out["egress"] for to in each["to"]]
    assert "namespaceSelector" not in writers
    assert set(chosen["values"]) == set(out["podSelector"]["matchExpressions"][0]["values"]) == WRITERS
    assert [each["port"] for each in rule["ports"]] == [8123, 9000]
    assert all(set(each) == {"namespaceSelector", "podSelector"} for each in operators)
    assert operators


def test_without_a_secret_it_is_refused() -> None:
    result = render(VALUES[0], ASKED)

    assert result.returncode != 0
    assert "clickhouse.installation" in result.stderr
    assert "Set clickhouse.secretName first" in result.stderr


def test_another_user_and_volume_are_taken() -> None:
    lab = rendered(
        OVER_CLICKHOUSE,
        ASKED,
        "clickhouse.installation.username=class_a",
        "clickhouse.installation.volumeSize=200Gi",
        "clickhouse.installation.storageClass=fast",
    )
    spec = lab.of(KIND)["clickhouse"]["spec"]
    volume = template(spec, "volumeClaim")["spec"]

    assert "class_a/password" in spec["configuration"]["users"]
    assert volume["resources"]["requests"]["storage"] == "200Gi"
    assert volume["storageClassName"] == "fast"
