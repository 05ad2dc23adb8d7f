"""The inputs of the RUM agent: the browser, its options, requests, errors.

Plain values with the tags that the agent makes of them. How spans are queued and sent
is in `loadgen.rum_beacons`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

_LINK = re.compile(r'traceparent;desc="00-([0-9a-f]{32})-([0-9a-f]{16})-01"')

Tags = dict[str, str]


@dataclass(frozen=True, slots=True)
class Browser:
    """The browser that is simulated."""

    user_agent: str = (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
        "(KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
    )
    os_name: str = "Linux"
    language: str = "en-US"
    mobile: bool = False
    screen: str = "1280x720"
    automated: bool = False

    def tags(self) -> Tags:
        """The `user_agent.*` tags."""
        automated = boolean(self.automated)
        return {
            "user_agent.is_automated": automated,
            "user_agent.is_bot": automated,
            "user_agent.language": self.language,
            "user_agent.mobile": boolean(self.mobile),
            "user_agent.original": self.user_agent,
            "user_agent.os.name": self.os_name,
        }


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """The options that the page passes to the agent's `init`."""

    beacon_endpoint: str
    application: str
    environment: str = ""
    version: str = ""
    token: str = ""
    global_attributes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_init(cls, options: Mapping[str, Any]) -> AgentConfig:
        """Reads the agent's option names. Raises KeyError without `beaconEndpoint`."""
        attributes = options.get("globalAttributes") or {}
        return cls(
            beacon_endpoint=str(options["beaconEndpoint"]),
            application=str(options.get("applicationName") or "unknown-browser-app"),
            environment=str(options.get("deploymentEnvironment") or ""),
            version=str(options.get("version") or ""),
            token=str(options.get("rumAccessToken") or ""),
            global_attributes={key: str(value) for key, value in attributes.items()},
        )

    @property
    def beacon_url(self) -> str:
        """The address of beacons, as the agent makes it: the token is appended as a query."""
        return f"{self.beacon_endpoint}?auth={quote(self.token)}" if self.token else self.beacon_endpoint


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request as the browser saw it; times in µs since the epoch."""

    url: str
    start_us: int
    end_us: int
    status: int
    body_bytes: int = 0
    server_timing: str = ""
    method: str = "GET"

    @property
    def duration_us(self) -> int:
        return max(0, self.end_us - self.start_us)

    def link(self) -> Tags:
        """The `link.*` tags, if `Server-Timing` names a sampled trace in the agent's syntax."""
        found = _LINK.search(self.server_timing)
        return {"link.traceId": found[1], "link.spanId": found[2]} if found else {}


@dataclass(frozen=True, slots=True)
class ScriptError:
    """An error as the browser's console shows it; `stack` may be empty for a plain string."""

    type: str
    message: str
    stack: str = ""

    def tags(self) -> Tags:
        tags = {
            "component": "error",
            "error": "true",
            "error.object": self.type,
            "error.message": self.message[:1024],
        }
        if self.stack:
            tags["error.stack"] = self.stack[:4096]
            tags["error.source_map_ids"] = "{}"
        return tags


def boolean(value: bool) -> str:
    """A boolean in JavaScript's spelling."""
    return "true" if value else "false"
