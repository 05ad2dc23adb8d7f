"""Deployment events: log records that say what was released, started or changed, where and when.

An OpenTelemetry event whose name is `deployment` or begins with `deployment.`, with the
conventions' attributes where it has them. Pure; knows no sender by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from signals.attributes import SEAT, environment_of, text_of
from signals.model import Attributes, Log

_EVENT_NAME: Final = "event.name"
_DEPLOYMENT: Final = "deployment"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment event. Texts are the sender's, empty where it names none."""

    log_id: str
    """The log record that is the event."""
    time_unix_nano: int
    event: str
    """`deployment`, or what begins with `deployment.`."""
    name: str
    """`deployment.name`, else the event's name."""
    deployment_id: str
    service: str
    """`service.name` of the record, else of its resource."""
    version: str
    """`service.version` of the record, else of its resource if that names the service."""
    status: str
    environment: str
    seat: str
    """`enduser.id`: whom alone it concerns; empty where it concerns everybody."""
    body: str


def event_name_of(event_name: str, attributes: Attributes) -> str:
    """The name of the event that a log record is: its own field, else its attribute; empty if it is none."""
    return event_name or text_of(attributes.get(_EVENT_NAME))


def is_deployment(event: str) -> bool:
    """Whether an event of this name is a deployment event."""
    return event == _DEPLOYMENT or event.startswith(f"{_DEPLOYMENT}.")


def deployment_of(log: Log) -> Deployment:
    """The deployment event that a log record is."""
    own, resource = log.attributes, log.resource
    event = event_name_of(log.event_name, own)
    service = text_of(own.get("service.name"))
    described = own if service else resource
    return Deployment(
        log_id=log.log_id,
        time_unix_nano=log.time_unix_nano,
        event=event,
        name=text_of(own.get("deployment.name")) or event,
        deployment_id=text_of(own.get("deployment.id")),
        service=service or log.service,
        version=text_of(own.get("service.version")) or text_of(described.get("service.version")),
        status=text_of(own.get("deployment.status")),
        environment=environment_of(own) or environment_of(resource),
        seat=text_of(own.get(SEAT)),
        body=log.body,
    )
