"""Alerts as Alertmanager's webhook sends them (payload version 4)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from alerting.outbox import Letter

RECEIVER: Final = "hipster-lab"
_NEVER: Final = "0001-01-01T00:00:00Z"
"""What Alertmanager's clients expect as the end of what has not ended."""
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_]")


def payload(letters: Sequence[Letter], observer_url: str) -> bytes:
    """The body for letters of one rule and one kind."""
    alerts = [_alert(letter, observer_url) for letter in letters]
    name = str(letters[0].document["detector"])
    document = {
        "version": "4",
        "groupKey": f"{{}}:{{alertname={json.dumps(name)}}}",
        "truncatedAlerts": 0,
        "status": letters[0].what,
        "receiver": RECEIVER,
        "groupLabels": {"alertname": name},
        "commonLabels": _common([each["labels"] for each in alerts]),
        "commonAnnotations": _common([each["annotations"] for each in alerts]),
        "externalURL": observer_url,
        "alerts": alerts,
    }
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def together(letters: Sequence[Letter]) -> Sequence[Letter]:
    """The first letters that go out in one message: of one rule and one kind."""
    first = letters[0]
    taken: list[Letter] = []
    for letter in letters:
        if letter.what != first.what or letter.document["detector"] != first.document["detector"]:
            break
        taken.append(letter)
    return taken


def _alert(letter: Letter, observer_url: str) -> dict[str, Any]:
    kept = letter.document
    labels = _labels(kept)
    annotations = {
        "summary": kept["title"],
        "description": kept["description"],
        "runbook_url": kept["runbook"],
        "value": _number(kept["value"], kept["unit"]),
        "threshold": f"{kept['comparison']} {_number(kept['threshold'], kept['unit'])}",
    }
    ended = kept["ended_unix_nano"] if letter.what == "resolved" else None
    return {
        "status": letter.what,
        "labels": labels,
        "annotations": {name: text for name, text in annotations.items() if text},
        "startsAt": _time(kept["started_unix_nano"]),
        "endsAt": _time(ended) if ended is not None else _NEVER,
        "generatorURL": f"{observer_url}/alerts/{quote(letter.alert_id)}" if observer_url else "",
        "fingerprint": _fingerprint(labels),
    }


def _labels(kept: Mapping[str, Any]) -> dict[str, str]:
    """The alert's labels; a name that is taken gets Prometheus' prefix: no two alerts may look alike."""
    labels = {"alertname": str(kept["detector"]), "severity": str(kept["severity"])}
    for name, value in sorted(kept["labels"].items()):
        label = _label_name(name)
        while label in labels:
            label = f"exported_{label}"
        labels[label] = str(value)
    return labels


def _fingerprint(labels: Mapping[str, str]) -> str:
    text = json.dumps(sorted(labels.items()), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _label_name(name: str) -> str:
    plain = _NOT_IN_NAMES.sub("_", name) or "_"
    return f"_{plain}" if plain[0].isdigit() else plain


def _common(every: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = every
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "1":
        return f"{value:.4g}"
    return f"{value:.6g} {unit}".strip()


def _time(unix_nano: int) -> str:
    moment = datetime.fromtimestamp(unix_nano / 1e9, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
