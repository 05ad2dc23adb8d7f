"""Static files: an address that changes with the content, gzip once per content, cache headers, ETag.

Serves only the names that were added: no address can reach another file. A file that changes on
disk is read again, so that its author need not restart the process.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from flask import Request, Response

PREFIX = "/static/"
"""Where the application serves these files."""
MARK = "v"
"""The argument of an address that names the content."""
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_COMPRESSIBLE = ("text/", "image/svg+xml")
_COMPRESS_FROM_BYTES = 800
_FOR_A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class StaticFile:
    """The content of one file."""

    body: bytes
    content_type: str

    @cached_property
    def mark(self) -> str:
        """Twelve hexadecimal digits that change with the content."""
        return hashlib.blake2s(self.body, digest_size=6).hexdigest()

    @cached_property
    def gzipped(self) -> bytes | None:
        """The body in gzip; None where that saves nothing."""
        if len(self.body) < _COMPRESS_FROM_BYTES or not self.content_type.startswith(_COMPRESSIBLE):
            return None
        packed = gzip.compress(self.body, mtime=0)
        return packed if len(packed) < len(self.body) else None


class StaticFiles:
    """The files of one application, by their path below `/static/`."""

    def __init__(self, unmarked: str) -> None:
        """`unmarked` is the Cache-Control of an address without the mark of its content."""
        self._unmarked = unmarked
        self._paths: dict[str, Path] = {}
        self._files: dict[str, tuple[int, StaticFile]] = {}

    def add_folder(self, folder: Path) -> None:
        """Serve every file below a folder whose type is known."""
        for path in sorted(folder.rglob("*")):
            if path.suffix in _TYPES and path.is_file():
                self._paths[path.relative_to(folder).as_posix()] = path

    def add_file(self, name: str, path: Path) -> bool:
        """Serve the file `path` under a name; False where there is no such file."""
        if not path.is_file():
            return False
        self._paths[name] = path
        return True

    def add_content(self, name: str, body: bytes) -> None:
        """Serve bytes under a name whose ending gives the type."""
        self._files[name] = (0, StaticFile(body, _TYPES[Path(name).suffix]))

    def __contains__(self, name: str) -> bool:
        return name in self._paths or name in self._files

    def address(self, name: str) -> str:
        """The path of a file with the mark of its content. Raises KeyError for a name that was not added."""
        return f"{PREFIX}{name}?{MARK}={self._file(name).mark}"

    def respond(self, name: str, request: Request) -> Response | None:
        """The answer to a request for a file; None for a name that was not added.

        Under an address with a mark it may be kept for a year, under any other as `unmarked` says.
        """
        try:
            file = self._file(name)
        except KeyError:
            return None
        gzipped = file.gzipped if request.accept_encodings.quality("gzip") > 0 else None
        response = Response(file.body if gzipped is None else gzipped, content_type=file.content_type)
        if gzipped is not None:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = _FOR_A_YEAR if MARK in request.args else self._unmarked
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.set_etag(file.mark if gzipped is None else f"{file.mark}-gz")
        response.make_conditional(request)
        return response

    def _file(self, name: str) -> StaticFile:
        path = self._paths.get(name)
        if path is None:
            return self._files[name][1]
        try:
            changed_ns = path.stat().st_mtime_ns
            kept = self._files.get(name)
            if kept is None or kept[0] != changed_ns:
                kept = self._files[name] = (changed_ns, StaticFile(path.read_bytes(), _TYPES[path.suffix]))
        except FileNotFoundError:
            raise KeyError(name) from None
        return kept[1]
