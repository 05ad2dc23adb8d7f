"""A machine whose files and programs are a test's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.setup.before_class.machine_reader import MachineReader, Output


@dataclass
class FakeMachine(MachineReader):
    """`files` maps paths to texts, `programs` whole command lines to what they print (or code and print)."""

    files: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, str | Output] = field(default_factory=dict)
    named: str = "linux"
    wsl: bool = False
    root: bool = False

    @property
    def system(self) -> str:
        """See `MachineReader`."""
        return self.named

    @property
    def is_wsl(self) -> bool:
        """See `MachineReader`."""
        return self.wsl

    @property
    def is_root(self) -> bool:
        """See `MachineReader`."""
        return self.root

    def text(self, path: str) -> str | None:
        """See `MachineReader`."""
        return self.files.get(path)

    def names(self, folder: str) -> list[str]:
        """See `MachineReader`."""
        inside = [path.removeprefix(f"{folder}/") for path in self.files if path.startswith(f"{folder}/")]
        return sorted({path.partition("/")[0] for path in inside})

    def run(self, *command: str) -> Output | None:
        """See `MachineReader`."""
        found = self.programs.get(" ".join(command))
        return Output(0, found) if isinstance(found, str) else found
