"""The typeface of the screens: one file that the lab installed, and the style sheet that names it.

Serves nothing and names nothing where the file is absent: pages then have the letters of
the reader's system, and ask for no file that is not there. Knows no page.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, request

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
"""The stand-in is as wide and as high as the face that follows it, so that nothing moves at the swap."""


@dataclass(frozen=True, slots=True)
class Typeface:
    """Where a page finds the face and its sheet; both addresses change with the file."""

    href: str
    sheet_href: str


def install(app: Flask, web_dir: Path) -> None:
    """Serve the face from the folder of installed browser files, and give templates `typeface`."""
    app.jinja_env.globals["typeface"] = None
    try:
        body = (web_dir / FILE).read_bytes()
    except OSError:
        return
    mark = hashlib.blake2s(body, digest_size=6).hexdigest()
    href = f"/static/{FILE}?v={mark}"
    sheet = _RULES.format(href=href).encode()
    sheet_mark = hashlib.blake2s(sheet, digest_size=6).hexdigest()
    app.jinja_env.globals["typeface"] = Typeface(href, f"/static/{SHEET}?v={sheet_mark}")
    app.add_url_rule(f"/static/{FILE}", "typeface", lambda: _answer(body, "font/woff2", mark))
    app.add_url_rule(f"/static/{SHEET}", "typeface_sheet", lambda: _answer(sheet, "text/css", sheet_mark))


def _answer(body: bytes, mimetype: str, mark: str) -> Response:
    response = Response(body, mimetype=mimetype)
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(mark)
    response.make_conditional(request)
    return response
