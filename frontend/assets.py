"""Static files: addresses that change with the content, pictures of products, the RUM agent, gzip.

Serves the shop's own files and, from the folder of installed browser files,
the agent alone. Reads each file once. Knows no page.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from flask import Request, Response

from frontend.rum_snippet import AGENT_FILE

STATIC_DIR = Path(__file__).with_name("static")
_PICTURES = "img/products"
_NO_PICTURE = "parcel"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_SHRINKS_FROM_BYTES = 1024
_FOR_A_YEAR = "public, max-age=31536000, immutable"
_FOR_A_MINUTE = "public, max-age=60"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file in memory; `packed` is its gzip, or the body itself where that gains nothing."""

    body: bytes
    packed: bytes
    content_type: str
    digest: str


class Assets:
    """All files that pages may load, read at start."""

    def __init__(self, web_dir: Path) -> None:
        files = {
            path.relative_to(STATIC_DIR).as_posix(): path
            for path in sorted(STATIC_DIR.rglob("*"))
            if path.suffix in _TYPES and path.is_file()
        }
        agent = web_dir / AGENT_FILE
        if agent.is_file():
            files[AGENT_FILE] = agent
        self._assets = {name: _read(path) for name, path in files.items()}

    @property
    def has_agent(self) -> bool:
        """Whether the RUM agent is installed."""
        return AGENT_FILE in self._assets

    def url(self, name: str) -> str:
        """The address of a file; it changes when the file does.

        Raises:
            KeyError: there is no such file.
        """
        return f"/static/{name}?v={self._assets[name].digest}"

    def picture(self, named: str) -> str:
        """The address of our picture for a product's `picture`, whatever folder or ending that names."""
        name = f"{_PICTURES}/{PurePosixPath(named).stem or _NO_PICTURE}.svg"
        return self.url(name if name in self._assets else f"{_PICTURES}/{_NO_PICTURE}.svg")

    def respond(self, name: str, request: Request, *, addressed: bool) -> Response | None:
        """The answer for the file `name`, None when there is none.

        `addressed` says whether the address named the content, so that it may be kept for long.
        """
        asset = self._assets.get(name)
        if asset is None:
            return None
        response = Response(content_type=asset.content_type)
        packed = asset.packed is not asset.body and request.accept_encodings.quality("gzip") > 0
        response.set_data(asset.packed if packed else asset.body)
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = _FOR_A_YEAR if addressed else _FOR_A_MINUTE
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.set_etag(f"{asset.digest}{'-gz' if packed else ''}")
        response.make_conditional(request)
        return response


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    packed = gzip.compress(body, 6, mtime=0) if len(body) >= _SHRINKS_FROM_BYTES else body
    return Asset(
        body=body,
        packed=packed if len(packed) < len(body) else body,
        content_type=_TYPES[path.suffix],
        digest=hashlib.sha256(body).hexdigest()[:10],
    )
