"""`python -m lab.run.compile_ahead`: imports what a lab starts with, so that Python keeps it compiled.

A first start that compiles takes 4 s of CPU more, and what compiling leaves behind stays in the memory of
every process that is forked from it (30 MB in all).
"""

from __future__ import annotations

from lab.plan.topology import OF_ONE_PROCESS, PRELOAD
from lab.supervision import lean_dataclasses
from lab.supervision.compiled_texts import CompiledTexts
from lab.supervision.forkserver import preload

if __name__ == "__main__":
    # As the fork server does, so that the same texts are compiled.
    lean_dataclasses.apply()
    texts = CompiledTexts()
    texts.apply()
    preload((*PRELOAD, *OF_ONE_PROCESS))
    texts.keep()
