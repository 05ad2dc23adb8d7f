"""The load generator's settings."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.settings import ADDRESS, HTTP_URL, INTEGER, PORT, positive_number, setting, whole_number

MAX_USERS = 10_000
_USERS = whole_number(0, MAX_USERS)
_RATE = positive_number(MAX_USERS)


@dataclass(frozen=True, slots=True)
class Settings:
    """The target of the load, and its amount."""

    shop_url: str = setting("http://127.0.0.1:8080", "SHOP_URL", "Address of the shop.", HTTP_URL)
    port: int = setting(8089, "PORT", "TCP port of Locust's web pages; 0 takes any free one.", PORT)
    listen_addr: str = setting("127.0.0.1", "LISTEN_ADDR", "Address to listen on.")
    users: int = setting(
        3, "LOADGEN_USERS", "Virtual users to start with; with 0, start them on Locust's page.", _USERS
    )
    spawn_rate: float = setting(1.0, "LOADGEN_SPAWN_RATE", "Users started per second.", _RATE)
    pace: float = setting(1.0, "LOADGEN_PACE", "Think times are divided by this; 10 waits a tenth.", _RATE)
    seed: int | None = setting(
        None,
        "HIPSTERLAB_SEED",
        "Makes the users' choices repeatable; unset, each start differs.",
        INTEGER,
    )
    master_listen: str = setting(
        "",
        "LOADGEN_MASTER_LISTEN",
        "Where workers are awaited, as 0.0.0.0:5557, by Locust's master; empty: it makes the load itself.",
        ADDRESS,
    )
    master: str = setting(
        "", "LOADGEN_MASTER_ADDR", "Address of the master whose worker this is; empty: of none.", ADDRESS
    )
