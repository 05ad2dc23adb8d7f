"""WCAG 2 contrast of every pair of colour tokens that is used together, computed from tokens.css."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

TOKENS = Path(__file__).resolve().parent.parent / "static" / "tokens.css"
_TOKEN = re.compile(r"--([a-z0-9-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\);")

TEXT = 4.5
"""Least contrast of text (WCAG 2.2, 1.4.3 AA)."""
GRAPHIC = 3.0
"""Least contrast of graphics and borders (WCAG 2.2, 1.4.11)."""

_KINDS = (
    "document",
    "fetch",
    "resource",
    "action",
    "error",
    "vital",
    "longtask",
    "route",
    "custom",
    "session",
)

PAIRS: tuple[tuple[str, str, float], ...] = (
    *(
        (ink, ground, TEXT)
        for ink in ("ink", "ink-soft", "accent", "origin")
        for ground in ("paper", "surface", "raised", "sunk", "stripe", "chosen")
    ),
    ("ink", "accent-wash", TEXT),
    ("accent", "accent-wash", TEXT),
    ("on-accent", "accent-fill", TEXT),
    ("on-origin", "origin", TEXT),
    ("received", "received-wash", TEXT),
    ("received", "surface", TEXT),
    ("ink", "received-wash", TEXT),
    ("good", "good-wash", TEXT),
    ("good", "surface", TEXT),
    ("warn", "warn-wash", TEXT),
    ("warn", "surface", TEXT),
    ("note", "note-wash", TEXT),
    ("ink", "good-wash", TEXT),
    ("ink", "warn-wash", TEXT),
    ("ink", "note-wash", TEXT),
    ("ink-soft", "note-wash", TEXT),
    ("brand", "surface", TEXT),
    ("line-firm", "surface", GRAPHIC),
    ("line-firm", "paper", GRAPHIC),
    ("received-line", "surface", GRAPHIC),
    ("focus", "surface", GRAPHIC),
    ("focus", "paper", GRAPHIC),
    *((name, "surface", GRAPHIC) for name in ("application", "database", "external", "network")),
    *((f"kind-{kind}", ground, GRAPHIC) for kind in _KINDS for ground in ("surface", "stripe")),
    *((f"sev-{word}", "surface", GRAPHIC) for word in ["trace", "debug", "info", "warn", "error", "fatal"]),
    *((f"series-{n}", "surface", GRAPHIC) for n in range(1, 9)),
)
"""(foreground, background, least ratio) for every pair of tokens that is used together."""


@dataclass(frozen=True, slots=True)
class MeasuredPair:
    """A pair of tokens with its least and its real contrast in both themes."""

    foreground: str
    background: str
    least: float
    light: float
    dark: float

    @property
    def light_text(self) -> str:
        return f"{self.light:.1f}"

    @property
    def dark_text(self) -> str:
        return f"{self.dark:.1f}"


@lru_cache(maxsize=1)
def tokens() -> Mapping[str, tuple[str, str]]:
    """Colour tokens by name: their `#rrggbb` in the light and in the dark theme."""
    return {name: (light, dark) for name, light, dark in _TOKEN.findall(TOKENS.read_text("utf-8"))}


def measure_pairs(colours: Mapping[str, tuple[str, str]]) -> list[MeasuredPair]:
    """Every one of PAIRS with its contrast in both themes."""
    return [
        MeasuredPair(
            fore, back, least, *(ratio(colours[fore][theme], colours[back][theme]) for theme in (0, 1))
        )
        for fore, back, least in PAIRS
    ]


def ratio(one: str, other: str) -> float:
    """Contrast of two `#rrggbb` colours, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of sRGB, with the constants of WCAG 2."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
