"""The class's file of a lab, in its data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from classroom import ClassError, ClassStore
from lab.errors import LabError
from lab.state.run_folder import CLASS


@contextmanager
def opened(data: Path) -> Iterator[ClassStore]:
    """The class of this data folder, open for the time of a `with`. Raises LabError."""
    try:
        store = ClassStore(data / CLASS)
    except ClassError as error:
        raise LabError(str(error), error.remedy) from error
    try:
        yield store
    except ClassError as error:
        raise LabError(str(error), error.remedy) from error
    finally:
        store.close()
