"""The addresses and codes of a class, as they are given out."""

from __future__ import annotations

from typing import Any

from classroom import ClassStore
from lab.plan.host_addresses import outside_address
from runtime import seats


def observer_base(url: str, host: str, observer_url: str) -> str:
    """The observer's address for other machines: the public one where there is one."""
    return (observer_url or outside_address(url, host)).rstrip("/")


def document(store: ClassStore, observer: str, secret: str) -> dict[str, Any]:
    """What `lab class --json` prints. `observer` is the observer's address for other machines."""
    facts = store.facts()
    return {
        "join_url": f"{observer}/join",
        "join_code": facts.join_code,
        "desk_url": f"{observer}/desk",
        "passcode": facts.passcode,
        "seats": [
            {
                "seat": seat.slug,
                "name": seat.name,
                "code": seat.code,
                "url": seats.link(observer, seat.slug, secret, "/workshop", seat.generation),
            }
            for seat in store.seats()
        ],
    }


def lines(document: dict[str, Any]) -> list[str]:
    """The same for people, without the seats."""
    return [
        f"  join        {document['join_url']}   code {document['join_code']}",
        f"  desk        {document['desk_url']}   passcode {document['passcode']}",
        f"  sheet       {document['desk_url']}/sheet   to print: {len(document['seats'])} seats",
    ]
