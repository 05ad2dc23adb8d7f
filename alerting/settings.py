"""The settings of the process that evaluates rules: names, defaults and limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.settings import HTTP_URL, PATH, PORT, PUBLIC_ADDRESS, positive_number, setting

_INTERVAL_S = positive_number(60)
_TIMEOUT_S = positive_number(60)


@dataclass(frozen=True, slots=True)
class Settings:
    """The store, the rules, how often, and where alerts go."""

    listen_addr: str = setting("127.0.0.1", "LISTEN_ADDR", "Address to listen on.")
    port: int = setting(8092, "PORT", "TCP port of its state; 0 takes any free one.", PORT)
    store_path: Path = setting(
        Path("hipster-lab.db"), "STORE_PATH", "File of the store that a collector writes.", PATH
    )
    store_url: str = setting(
        "",
        "STORE_URL",
        "Address of the store: sqlite:///folder/file or clickhouse://user:password@host:8123/database; "
        "empty: the file of STORE_PATH.",
        secret=True,
    )
    alerts_db: Path = setting(
        Path("alerts.db"), "ALERTS_DB", "File of alerts, created if it is missing.", PATH
    )
    detectors_dir: Path | None = setting(
        None,
        "DETECTORS_DIR",
        "Folder of your own rules, beside those that ship; one of the same name replaces that.",
        PATH,
    )
    interval_s: float = setting(1.0, "ALERT_INTERVAL_S", "Seconds between two evaluations.", _INTERVAL_S)
    webhook_url: str = setting(
        "",
        "ALERT_WEBHOOK_URL",
        "Address to which alerts are posted as Alertmanager does; empty: nowhere.",
        HTTP_URL,
        secret=True,
    )
    webhook_timeout_s: float = setting(
        10.0, "ALERT_WEBHOOK_TIMEOUT_S", "Seconds that its receiver may take for an answer.", _TIMEOUT_S
    )
    otlp_endpoint: str = setting(
        "",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "Address for OTLP over HTTP to which begins and ends of alerts go as log events; empty: nowhere.",
        HTTP_URL,
    )
    environment: str = setting(
        "", "DEPLOYMENT_ENVIRONMENT", "The deployment environment of these log events."
    )
    observer_url: str = setting(
        "", "OBSERVER_URL", "Address of the screens, for links in what is sent.", HTTP_URL
    )
    observer_public_url: str = setting(
        "",
        "OBSERVER_PUBLIC_URL",
        "Address at which readers reach the screens, where that is another.",
        PUBLIC_ADDRESS,
    )

    alerts_token: str = setting(
        "",
        "ALERTS_TOKEN",
        "Whoever has it may ask for alerts over HTTP, acknowledge and silence them, as screens on other "
        "machines do; empty: nobody.",
        secret=True,
    )

    @property
    def screens_url(self) -> str:
        """The address of the screens for people, without a slash at its end."""
        return (self.observer_public_url or self.observer_url).rstrip("/")

    @property
    def store_place(self) -> str | Path:
        """Where the store is: an address or a file."""
        return self.store_url or self.store_path
