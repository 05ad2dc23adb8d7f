"""The load generator's settings. Must not know what is done with them."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.settings import http_url, integer, port, setting

MAX_USERS = 10_000


def users(value: str) -> int:
    """A number of virtual users."""
    number = int(value)
    if not 0 <= number <= MAX_USERS:
        raise ValueError(value)
    return number


def rate(value: str) -> float:
    """A number above 0."""
    number = float(value)
    if not 0 < number <= MAX_USERS:
        raise ValueError(value)
    return number


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the load goes and how much there is of it."""

    shop_url: str = setting("http://127.0.0.1:8080", "SHOP_URL", "Address of the shop.", http_url)
    port: int = setting(8089, "PORT", "TCP port of Locust's web pages; 0 takes any free one.", port)
    listen_addr: str = setting("127.0.0.1", "LISTEN_ADDR", "Address to listen on.")
    users: int = setting(
        3,
        "LOADGEN_USERS",
        "Virtual users to start with; 0 waits for someone to press the button.",
        users,
        allowed=f"a whole number from 0 to {MAX_USERS}",
    )
    spawn_rate: float = setting(
        1.0, "LOADGEN_SPAWN_RATE", "Users started per second.", rate, allowed="a number above 0"
    )
    pace: float = setting(
        1.0, "LOADGEN_PACE", "How quickly shoppers think; 10 waits a tenth.", rate, allowed="a number above 0"
    )
    seed: int | None = setting(
        None, "HIPSTERLAB_SEED", "Makes what shoppers do repeatable; without it each start differs.", integer
    )
