"""The two ways out, as functions over letters, from the settings."""

from __future__ import annotations

from collections.abc import Sequence

from alerting import otlp_events, webhook
from alerting.delivery import Send
from alerting.http_post import post_json
from alerting.outbox import Letter
from alerting.settings import Settings

_OTLP_TIMEOUT_S = 10.0


def webhook_sender(settings: Settings) -> Send | None:
    """Posts alerts to the webhook; None where there is none."""
    if not settings.webhook_url:
        return None

    def send(letters: Sequence[Letter]) -> Sequence[Letter]:
        taken = webhook.together(letters)
        body = webhook.payload(taken, settings.screens_url)
        post_json(settings.webhook_url, body, settings.webhook_timeout_s)
        return taken

    return send


def otlp_sender(settings: Settings) -> Send | None:
    """Posts log events to the collector; None where there is none."""
    if not settings.otlp_endpoint:
        return None
    url = f"{settings.otlp_endpoint.rstrip('/')}/v1/logs"

    def send(letters: Sequence[Letter]) -> Sequence[Letter]:
        post_json(
            url, otlp_events.request(letters, settings.environment, settings.screens_url), _OTLP_TIMEOUT_S
        )
        return letters

    return send
