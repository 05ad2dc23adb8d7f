"""The sheet to print: for every seat its person, its link as text and as QR code, and its code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import segno
from markupsafe import Markup

from classroom import ClassFacts, Seat
from observer.components.seat_links import student_link

_QUIET_ZONE = 3
"""Modules of white around a code; the frame of the slip adds the rest of the four that scanners need."""
_KEPT = 1_024


@dataclass(frozen=True, slots=True)
class Slip:
    """What one student gets."""

    name: str
    seat: str
    code: str
    href: str
    qr: Markup


@dataclass(frozen=True, slots=True)
class Sheet:
    """The slips, and how a late joiner comes in."""

    slips: tuple[Slip, ...]
    join_href: str
    """Empty in open mode, as are the codes."""
    join_code: str
    join_qr: Markup


def build(facts: ClassFacts, seats: Sequence[Seat], screens: str) -> Sheet:
    """The sheet of a class; `screens` is the address at which students reach the screens."""
    join = f"{screens}/join"
    return Sheet(tuple(slip(seat, screens) for seat in seats), join, facts.join_code, qr_code(join))


def of_names(names: Sequence[str], screens: str) -> Sheet:
    """The sheet of an open lab for people of these names."""
    return Sheet(tuple(slip(Seat(name, name, "", 0, None), screens) for name in names), "", "", Markup())


def slip(seat: Seat, screens: str) -> Slip:
    """The slip of one seat."""
    href = student_link(screens, seat.slug)
    return Slip(seat.name, seat.slug, seat.code, href, qr_code(href))


@lru_cache(_KEPT)
def qr_code(text: str) -> Markup:
    """A QR code as SVG, black on white in both themes: scanners need it."""
    code = segno.make(text, error="m", micro=False)
    svg = code.svg_inline(omitsize=True, svgclass="qr", lineclass=None, border=_QUIET_ZONE, light="#fff")
    return Markup(svg)  # noqa: S704 - drawn by the library from modules; the text is not in it
