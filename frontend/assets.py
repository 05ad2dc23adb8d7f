"""The shop's static files: its own, the RUM agent where it is installed, and pictures of products."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from flask import Request, Response

from frontend.rum_snippet import AGENT_FILE
from runtime.static_files import StaticFiles

STATIC_DIR = Path(__file__).with_name("static")
_PICTURES = "img/products"
_NO_PICTURE = "parcel"
_FOR_A_MINUTE = "public, max-age=60"


class Assets:
    """All files that pages may load. Of the folder of installed browser files, only the agent."""

    def __init__(self, web_dir: Path) -> None:
        self._files = StaticFiles(unmarked=_FOR_A_MINUTE)
        self._files.add_folder(STATIC_DIR)
        self.has_agent = self._files.add_file(AGENT_FILE, web_dir / AGENT_FILE)

    def url(self, name: str) -> str:
        """The address of a file; it changes with the content. Raises KeyError for an unknown name."""
        return self._files.address(name)

    def picture(self, reference: str) -> str:
        """The address of our picture for a product's `picture`, whatever its folder and file type."""
        name = f"{_PICTURES}/{PurePosixPath(reference).stem or _NO_PICTURE}.svg"
        return self.url(name if name in self._files else f"{_PICTURES}/{_NO_PICTURE}.svg")

    def respond(self, name: str, request: Request) -> Response | None:
        """The response to a request for a file; None when there is no such file."""
        return self._files.respond(name, request)
