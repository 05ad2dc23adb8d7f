"""The file that keeps what seats did, answered and mended: the class's, or an open lab's own.

The observer may run without one: then nothing of a lesson is kept, and its page says so.
"""

from __future__ import annotations

from flask import Flask, current_app

from classroom import ClassStore

_EXTENSION = "progress-file"


def install(app: Flask, store: ClassStore | None) -> None:
    """Attach the file to an application, which does not close it."""
    app.extensions[_EXTENSION] = store


def progress_file() -> ClassStore | None:
    """The file of the application that handles the current request; None where there is none."""
    found: ClassStore | None = current_app.extensions.get(_EXTENSION)
    return found
