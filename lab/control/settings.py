"""The control process's settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.settings import HTTP_URL, PATH, PORT, setting, whole_number

MOST_USERS = 10_000
NO_LISTENER = -1


@dataclass(frozen=True, slots=True)
class Settings:
    """The files of the running lab, the token, and where to listen."""

    port: int = setting(0, "PORT", "TCP port to listen on; 0 takes any free one.", PORT)
    listen_addr: str = setting("127.0.0.1", "LISTEN_ADDR", "Address to listen on.")
    listener_fd: int = setting(
        NO_LISTENER,
        "LISTENER_FD",
        "Descriptor of a socket that listens already, handed over by the supervisor; -1: there is none.",
        whole_number(NO_LISTENER, 1_048_576),
    )
    token: str = setting(
        "", "CONTROL_TOKEN", "What a caller must send as `Authorization: Bearer`; required.", secret=True
    )
    class_db: Path = setting(
        Path("class.sqlite3"), "CLASS_DB", "File of the class: roster, progress, repairs.", PATH
    )
    flags_file: Path = setting(
        Path("flags.json"), "HIPSTERLAB_FLAGS_FILE", "Flag file that the shop's services read.", PATH
    )
    seat_generations_file: Path | None = setting(
        None, "SEAT_GENERATIONS_FILE", "File by which the shop learns which seats were freed.", PATH
    )
    lab_status_file: Path = setting(
        Path("status.json"), "LAB_STATUS_FILE", "JSON that the lab writes about its processes.", PATH
    )
    otlp_url: str = setting(
        "http://127.0.0.1:4318",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "Address of the collector, for deployment events.",
        HTTP_URL,
    )
    environment: str = setting(
        "hipster-lab", "DEPLOYMENT_ENVIRONMENT", "Deployment environment of the events."
    )
    most_users: int = setting(
        200,
        "CONTROL_MOST_USERS",
        "Ceiling of the simulated users that the desk can start.",
        whole_number(0, MOST_USERS),
    )
