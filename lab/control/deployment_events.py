"""Deployment events as OTLP log events: what began, changed or was mended, and for which seat.

An event is a log record with the event name `deployment` and the attributes of the semantic conventions'
registry (https://opentelemetry.io/docs/specs/semconv/registry/attributes/deployment/).
"""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from classroom import Deployment

EVENT_NAME = "deployment"
_TIMEOUT_S = 2.0
_INFO = 9
_log = logging.getLogger("control")


class DeploymentEvents:
    """Sends events to a collector over OTLP/HTTP; a collector that does not answer is logged, no more."""

    def __init__(self, otlp_url: str, environment: str) -> None:
        self._url = otlp_url
        self._environment = environment

    def send(self, deployments: Sequence[Deployment]) -> None:
        """Send these events in one request."""
        body = json.dumps(self.document(deployments)).encode()
        parts = urlsplit(self._url)
        connection = http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port or 80, timeout=_TIMEOUT_S
        )
        try:
            path = f"{parts.path.rstrip('/')}/v1/logs"
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
            if status != 200:
                _log.warning("the collector answered %d to a deployment event", status)
        except (OSError, http.client.HTTPException) as error:
            _log.warning("a deployment event could not be sent: %s", error)
        finally:
            connection.close()

    def document(self, deployments: Sequence[Deployment]) -> dict[str, Any]:
        """The OTLP/JSON request with these events."""
        resource = {"service.name": "hipster-lab", "deployment.environment.name": self._environment}
        return {
            "resourceLogs": [
                {
                    "resource": {"attributes": _attributes(resource)},
                    "scopeLogs": [
                        {"scope": {"name": "lab.control"}, "logRecords": [_record(d) for d in deployments]}
                    ],
                }
            ]
        }


def _record(deployment: Deployment) -> dict[str, Any]:
    name, body = _NAMES[deployment.kind]
    attributes = {
        "event.name": EVENT_NAME,
        "deployment.name": deployment.title or name,
        "deployment.id": f"{deployment.kind}-{deployment.time_unix_nano}",
        "deployment.status": "succeeded",
        "service.version": deployment.version,
        "enduser.id": deployment.seat,
    }
    return {
        "timeUnixNano": str(deployment.time_unix_nano),
        "observedTimeUnixNano": str(deployment.time_unix_nano),
        "severityNumber": _INFO,
        "severityText": "INFO",
        "eventName": EVENT_NAME,
        "body": {"stringValue": deployment.title or body},
        "attributes": _attributes({key: value for key, value in attributes.items() if value}),
    }


_NAMES = {
    "incident": ("release", "A new release of the shop was deployed."),
    "release": ("release", "A new release of the shop was deployed."),
    "repair": ("repair", "A repair was deployed."),
    "break": ("release", "A repair was taken back."),
}


def _attributes(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]
