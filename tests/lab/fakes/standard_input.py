"""Standard input of a process that is never started."""

from __future__ import annotations

import io


class StandardInput(io.BytesIO):
    """Stands in for a pipe to a process: what was written stays to be read after it was closed."""

    text = ""

    def close(self) -> None:
        self.text = self.text or self.getvalue().decode()
        super().close()
