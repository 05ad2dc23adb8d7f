"""The typeface of the screens: the font file that the lab installed, and its style sheet.

Without the file, pages use the system font and request neither of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from observer import web

FILE = "inter.woff2"
SHEET = "typeface.css"

_RULES = """\
@font-face {{
  font-family: "Inter";
  src: url("{href}") format("woff2");
  font-weight: 100 900; font-display: swap;
}}
@font-face {{
  font-family: "Inter Stand-in";
  src: local("Arial"), local("Liberation Sans"), local("Helvetica");
  size-adjust: 107.1%; ascent-override: 90.4%; descent-override: 22.5%; line-gap-override: 0%;
}}
"""
"""The stand-in has the metrics of Inter, so that nothing moves when the font has arrived."""


@dataclass(frozen=True, slots=True)
class Typeface:
    """The addresses of the font and of its style sheet; both change with the font."""

    href: str
    sheet_href: str


def install(app: Flask, web_dir: Path) -> None:
    """Serve the font from the folder of installed browser files, and set the templates' `typeface`.

    `web.install` comes first. `typeface` is None where the font is not installed.
    """
    app.jinja_env.globals["typeface"] = None
    files = web.static_files(app)
    if not files.add_file(FILE, web_dir / FILE):
        return
    href = files.address(FILE)
    files.add_content(SHEET, _RULES.format(href=href).encode())
    app.jinja_env.globals["typeface"] = Typeface(href, files.address(SHEET))
