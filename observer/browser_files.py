"""The browser files that the lab installed: the typeface with its style sheet, and htmx.

Without them pages request none of them: they use the system font, and links load whole pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from observer import web
from runtime.static_files import PREFIX, StaticFiles

FONT = "inter.woff2"
SHEET = "typeface.css"
HTMX = "htmx.min.js"

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
    """Serve the files of a folder, and set the templates' `typeface` and `htmx`, the address of its script.

    `web.install` comes first. Each of the two is None where its file is not installed.
    """
    files = web.static_files(app)
    app.jinja_env.globals["typeface"] = _typeface(files, web_dir / FONT)
    app.jinja_env.globals["htmx"] = files.address(HTMX) if files.add_file(HTMX, web_dir / HTMX) else None


def _typeface(files: StaticFiles, font: Path) -> Typeface | None:
    if not files.add_file(FONT, font):
        return None
    href = files.address(FONT)
    # Relative to the sheet: a proxy may serve both under a path.
    files.add_content(SHEET, _RULES.format(href=href.removeprefix(PREFIX)).encode())
    return Typeface(href, files.address(SHEET))
