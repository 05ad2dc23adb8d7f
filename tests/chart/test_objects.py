"""The chart's objects as a cluster takes them: valid, locked down, the store in one place, lies refused."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

import incidents
from runtime import VERSION
from tests.chart.rendering import (
    CHART,
    CLASS_300,
    NAMESPACE,
    ON_A_FILE,
    OVER_CLICKHOUSE,
    PODS,
    VALUES,
    Rendered,
    helm,
    render,
    rendered,
)
from tests.helpers import REPO

EVERY_FILE = pytest.mark.parametrize("values", VALUES)
OLDEST, NEWEST = "1.27", "1.37"
SCHEMA = json.loads((CHART / "values.schema.json").read_text("utf-8"))
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def bytes_of(quantity: str) -> float:
    """A quantity of Kubernetes such as `96Mi`, in bytes."""
    return float(quantity[:-2]) * _UNITS[quantity[-2:]]


@EVERY_FILE
def test_helm_finds_nothing_to_complain_about(values: str) -> None:
    """`helm lint --strict`; every object is for the release's namespace."""
    result = helm("lint", "--strict", str(CHART), "-f", str(CHART / values))

    assert result.returncode == 0, result.stdout + result.stderr
    assert all(
        found["metadata"].get("namespace", NAMESPACE) == NAMESPACE for found in rendered(values).objects
    )


@EVERY_FILE
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_one_of_kubernetes(values: str, version: str) -> None:
    """By the schemas of the oldest version that the chart declares and of a current one, strictly."""
    declared = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))["kubeVersion"]
    assert declared == f">={OLDEST}.0-0"
    for found in rendered(values).objects:
        kubernetes_validate.validate(found, version, strict=True)


def test_the_chart_is_for_this_version() -> None:
    """The image's tag by default is that of the project."""
    assert yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))["appVersion"] == VERSION


@EVERY_FILE
def test_no_two_objects_are_one(values: str) -> None:
    names = [(found["kind"], found["metadata"]["name"]) for found in rendered(values).objects]

    assert len(names) == len(set(names))


@EVERY_FILE
def test_pods_need_no_privilege(values: str) -> None:
    """What Pod Security's standard "restricted" asks for, files read-only, no token of the cluster."""
    for name, workload in rendered(values).workloads().items():
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        # A Service named `frontend` would set FRONTEND_PORT, and so for each.
        assert pod["enableServiceLinks"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert all("hostPath" not in volume for volume in pod["volumes"])
    for name, container in rendered(values).containers():
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")} <= {
            "/tmp",
            "/data",
        }


@EVERY_FILE
def test_every_container_says_what_it_needs(values: str) -> None:
    """Requests for the scheduler, and a limit of memory above them, so that one leak harms one container."""
    for name, container in rendered(values).containers():
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert requests["cpu"], name
        assert bytes_of(limits["memory"]) > bytes_of(requests["memory"])


@pytest.mark.parametrize("values", ON_A_FILE)
def test_who_shares_the_store_shares_a_pod(values: str) -> None:
    """One replica of one pod with one volume that one node may mount; the store fits, with its log."""
    lab = rendered(values)
    telemetry = lab.of("StatefulSet")["telemetry"]["spec"]
    [claim] = telemetry["volumeClaimTemplates"]
    names = [container["name"] for container in telemetry["template"]["spec"]["containers"]]
    files = {str(lab.environment(name)["STORE_PATH"]) for name in names}

    assert sorted(names) == ["alerting", "collector", "observer"]
    assert telemetry["replicas"] == 1
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert len(files) == 1
    assert lab.environment("observer")["ALERTS_DB"] == lab.environment("alerting")["ALERTS_DB"]
    size = bytes_of(claim["spec"]["resources"]["requests"]["storage"])
    assert int(lab.environment("collector")["STORE_MAX_BYTES"]) * 1.5 < size


def test_over_clickhouse_nothing_is_shared_but_the_server() -> None:
    """Each has a pod; the store's address is a secret of those three; only alerting keeps a file, once."""
    lab = rendered(OVER_CLICKHOUSE)
    reference = {"secretKeyRef": {"name": "clickhouse", "key": "url"}}
    holders = {
        container["name"]: pod
        for pod, container in lab.containers()
        if {"name": "STORE_URL", "valueFrom": reference} in container["env"]
    }
    kept = {name: found for name, found in lab.of("StatefulSet").items() if name != "cartservice"}
    observer = lab.of("Deployment")["observer"]["spec"]["template"]["spec"]

    assert holders == {name: name for name in ("collector", "observer", "alerting")}
    assert all("STORE_PATH" not in lab.environment(name) for name in holders)
    assert [found["spec"]["replicas"] for found in kept.values()] == [1]
    assert list(kept) == ["alerting"]
    assert lab.of("Deployment")["collector"]["spec"]["replicas"] == 1
    assert lab.of("HorizontalPodAutoscaler")["observer"]["spec"]["minReplicas"] > 1
    [temporary] = [each for each in observer["volumes"] if each["name"] == "tmp"]
    assert bytes_of(temporary["emptyDir"]["sizeLimit"]) > 2**30, "the copy of metrics fits"


def test_screens_with_replicas_ask_for_the_alerts() -> None:
    """Of the one process that keeps them, with its token."""
    lab = rendered(OVER_CLICKHOUSE)
    host, _, port = str(lab.environment("observer")["ALERTS_URL"]).removeprefix("http://").rpartition(":")

    assert lab.behind(host, int(port)) == ("alerting", int(lab.environment("alerting")["PORT"]))
    assert lab.allows("observer", "alerting", int(port))
    assert lab.environment("observer")["ALERTS_TOKEN"] == lab.environment("alerting")["ALERTS_TOKEN"]
    assert "ALERTS_TOKEN" not in lab.environment("collector")
    assert "ALERTS_DB" not in lab.environment("observer")


def test_the_gateway_writes_to_clickhouse_itself() -> None:
    """By the configuration that reads these variables; with what else reads or writes there it may go out."""
    lab = rendered(OVER_CLICKHOUSE)
    written = lab.of("ConfigMap")["gateway"]["data"]["config.yaml"]
    variables = {name for name in lab.environment("gateway") if name.startswith("CLICKHOUSE_")}
    policy = lab.of("NetworkPolicy")["telemetry-in-clickhouse"]["spec"]
    [chosen] = policy["podSelector"]["matchExpressions"]

    assert yaml.safe_load(written) == yaml.safe_load((CHART / "files" / "clickhouse.yaml").read_text("utf-8"))
    assert all(f"${{env:{name}:-" in written for name in variables)
    assert "HIPSTERLAB_OTLP_HTTP_URL" not in lab.environment("gateway")
    assert lab.container("gateway")[1]["image"].startswith("otel/opentelemetry-collector-contrib:")
    assert set(chosen["values"]) == {"collector", "observer", "alerting", "gateway"}
    assert [each["port"] for each in policy["egress"][0]["ports"]] == [8123, 9000]
    assert not lab.allows("gateway", "collector", 4318)
    without = rendered(OVER_CLICKHOUSE, "gateway.enabled=false")
    assert without.environment("checkoutservice")["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
    assert without.allows("checkoutservice", "collector", 4318)


@EVERY_FILE
def test_what_scales_has_replicas_that_a_drain_leaves(values: str) -> None:
    """An autoscaler names a workload, which then names no number; whatever has two keeps one in a drain."""
    lab = rendered(values)
    least = {name: found["spec"].get("replicas", 0) for name, found in lab.workloads().items()}
    for name, scaler in lab.of("HorizontalPodAutoscaler").items():
        target = scaler["spec"]["scaleTargetRef"]
        assert target["name"] == name
        assert target["kind"] == "Deployment"
        assert "replicas" not in lab.workloads()[name]["spec"]
        assert all("cpu" in each["resources"]["requests"] for pod, each in lab.containers() if pod == name)
        least[name] = scaler["spec"]["minReplicas"]
    budgets = lab.of("PodDisruptionBudget")

    several = {name for name, count in least.items() if count > 1 and name != "loadgen-worker"}
    assert set(budgets) - {"telemetry"} == several
    assert all(budgets[name]["spec"]["maxUnavailable"] == 1 for name in several)
    assert "frontend" in lab.of("HorizontalPodAutoscaler")


@EVERY_FILE
def test_an_ingress_has_the_hosts_that_links_name(values: str) -> None:
    """And the processes answer to them: they are their public addresses."""
    lab = rendered(values)
    for name, ingress in lab.of("Ingress").items():
        [rule] = ingress["spec"]["rules"]
        public = "SHOP_PUBLIC_URL" if name == "frontend" else "OBSERVER_PUBLIC_URL"
        [path] = rule["http"]["paths"]
        assert path["backend"]["service"] == {"name": name, "port": {"name": "http"}}
        assert lab.environment(name)[public] == f"https://{rule['host']}"
        assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
    assert bool(lab.of("Ingress")) == (values != VALUES[0])


def test_load_by_master_and_workers() -> None:
    """The master awaits them where they call it, asks for the users, and makes no load itself."""
    lab = rendered(CLASS_300)
    master, worker = lab.environment("loadgen"), lab.environment("loadgen-worker")
    host, _, port = worker["LOADGEN_MASTER_ADDR"].rpartition(":")

    assert lab.behind(host, int(port)) == ("loadgen", int(port))
    assert master["LOADGEN_MASTER_LISTEN"] == f"0.0.0.0:{port}"
    assert worker["SHOP_URL"] == master["SHOP_URL"]
    assert lab.of("Deployment")["loadgen-worker"]["spec"]["replicas"] > 1
    assert lab.of("Deployment")["loadgen"]["spec"]["strategy"] == {"type": "Recreate"}
    assert lab.allows("loadgen-worker", "frontend", 8080)


def test_load_by_one_process_and_none() -> None:
    """Without workers it is no master; switched off, nothing of it is left."""
    assert "LOADGEN_MASTER_LISTEN" not in rendered().environment("loadgen")
    assert "loadgen" not in rendered().of("Service")
    without = rendered(VALUES[0], "load.enabled=false")
    assert not [found for found in without.objects if "loadgen" in found["metadata"]["name"]]


def test_in_a_class_the_load_asks_for_a_host_that_the_shop_answers_to() -> None:
    """The check of hosts knows the machine's own name; every pod of the shop has the Service's."""
    lab = rendered(CLASS_300)
    host = re.sub(r"^http://|:\d+$", "", lab.environment("loadgen")["SHOP_URL"])

    assert lab.of("Deployment")["frontend"]["spec"]["template"]["spec"]["hostname"] == host


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("clickhouse.url=clickhouse://me:secret@db:8123/otel", "url"),
        ("replicas.observer=2", "Set clickhouse.secretName"),
        ("autoscaling.observer.min=1,autoscaling.observer.max=2,autoscaling.observer.cpuPercent=60",
         "Set clickhouse.secretName"),
        ("replicas.cartservice=2", "Set carts.redisAddress"),
        ("autoscaling.cartservice.min=1,autoscaling.cartservice.max=2,autoscaling.cartservice.cpuPercent=60",
         "Set carts.redisAddress"),
        ("autoscaling.frontend.min=5", "min is above max"),
        ("replicas.telemetry=2", "telemetry"),
        ("autoscaling.telemetry.min=1", "telemetry"),
        ("incident=unheard-of", "incident must be one of"),
        ("shop.publicUrl=shop.example.org", "publicUrl"),
        ("load.users=-1", "load.users"),
        ("observers=2", "observers"),
        ("settings.nobody.A=1", "nobody"),
        ("store.volumeSize=much", "volumeSize"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_in_a_sentence(setting: str, sentence: str) -> None:
    """Before anything reaches a cluster."""
    result = render(VALUES[0], setting)

    assert result.returncode != 0
    assert sentence in result.stderr


def test_carts_in_redis_keep_no_file_and_have_replicas() -> None:
    lab = rendered(VALUES[0], "carts.redisAddress=redis:6379", "replicas.cartservice=3")

    assert lab.of("Deployment")["cartservice"]["spec"]["replicas"] == 3
    assert lab.environment("cartservice")["REDIS_ADDR"] == "redis:6379"
    assert list(lab.of("StatefulSet")) == ["telemetry"]


def test_rules_of_ones_own_reach_alerting(tmp_path: Path) -> None:
    """The file as it was written, in the folder that the process reads, which takes it."""
    written = (REPO / "detectors" / "orders-failing.toml").read_text("utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(written, "utf-8")
    words = ("--set-file", f"alerting.rules.mine\\.toml={file}")
    result = helm("template", "class", str(CHART), "-n", NAMESPACE, *words)
    assert result.returncode == 0, result.stderr
    lab = Rendered(tuple(each for each in yaml.safe_load_all(result.stdout) if each))
    _, container = lab.container("alerting")

    assert lab.of("ConfigMap")["rules"]["data"] == {"mine.toml": written}
    [mount] = [each for each in container["volumeMounts"] if each["name"] == "rules"]
    assert lab.environment("alerting")["DETECTORS_DIR"] == mount["mountPath"]
    for found in lab.objects:
        kubernetes_validate.validate(found, NEWEST, strict=True)


def test_the_schema_knows_the_incidents_and_the_processes() -> None:
    """What may be chosen is what there is."""
    properties = SCHEMA["properties"]
    processes = {name for found in PODS.values() for name in found["processes"]}
    stateless = set(PODS) - {"telemetry", "loadgen", "buttercup"}

    assert properties["incident"]["enum"] == sorted(incidents.names())
    assert set(properties["settings"]["properties"]) == processes
    # Over ClickHouse the screens keep nothing, either.
    assert set(properties["replicas"]["properties"]) == stateless | {"observer"}
    assert set(properties["autoscaling"]["properties"]) == stateless | {"observer"}


def test_every_value_is_in_the_schema_and_in_the_document() -> None:
    """One that the schema forgot would be refused, one that the document forgot never found."""
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    document = (CHART.parents[2] / "docs" / "kubernetes.md").read_text("utf-8")

    assert set(values) == set(SCHEMA["properties"]) - {"global"}
    assert [name for name in values if f"`{name}" not in document] == []


def test_the_packed_chart_renders_the_same() -> None:
    """`helm package` leaves nothing out that the templates read."""
    with tempfile.TemporaryDirectory() as folder:
        packed = helm("package", str(CHART), "--destination", folder)
        assert packed.returncode == 0, packed.stderr
        file = packed.stdout.strip().rpartition(": ")[2]
        result = helm("template", "class", file, "-n", NAMESPACE)

    assert result.stdout == helm("template", "class", str(CHART), "-n", NAMESPACE).stdout
