"""Keeps what imports compile from text, as Python keeps modules: dataclasses' functions, regular expressions.

Of the 0.64 s of CPU that a lab's imports took, 0.16 went to 590 `__init__` of dataclasses and 320 regular
expressions, which no `.pyc` holds. They are found by their whole text, so that what changed is compiled anew;
the file holds for one version of Python. Functions inside the standard library's modules are replaced for it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import marshal
import os
import re
import sys
import zlib
from array import array
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

_FILE = "compiled-texts.%s.pyc"
_MOST = 8_192
"""Texts in a file; when it would hold more, those of this run alone are kept."""
_LONGEST = 100_000

_Text = str | bytes
_Key = tuple[str, _Text, int]
"""What compiled it, the text, its flags."""


class CompiledTexts:
    """Texts with what they were compiled to, in a file that need not be there, or be whole."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or _standard_file()
        self._kept: dict[_Key, bytes] = {}
        self._new: dict[_Key, bytes] = {}
        # Hashes of those that were handed out and dropped: nearly every text is compiled once.
        self._gone: set[int] = set()
        self.is_recording = True
        self._undo: list[Callable[[], None]] = []

    def apply(self) -> None:
        """From now on look texts up; what is not there is compiled as ever, and recorded."""
        self._kept = _read(self._file)
        self._replace(dataclasses, "exec", self._execute)
        compiler = getattr(re, "_compiler", None)
        if isinstance(compiler, ModuleType) and hasattr(compiler, "_sre"):
            self._replace(compiler, "compile", _regex_compiler(self, compiler))

    def undo(self) -> None:
        """From now on everything is compiled as ever."""
        while self._undo:
            self._undo.pop()()

    def keep(self) -> None:
        """Write the file where something new was compiled; nothing that follows is recorded."""
        self.is_recording = False
        if self._new and not sys.dont_write_bytecode:
            together = {**_read(self._file), **self._new}
            with contextlib.suppress(OSError):
                _write(self._file, together if len(together) <= _MOST else self._new)
        self._new, self._gone = {}, set()

    def find(self, key: _Key) -> Any:
        """What the text was compiled to, or None."""
        if not self.is_recording:
            # In a forked process: what is dropped there would be a page more that it has for itself.
            found = self._kept.get(key)
        elif found := self._kept.pop(key, None):
            self._gone.add(hash(key))
        return None if found is None else marshal.loads(found)  # noqa: S302 - read and checked like compiled modules

    def record(self, key: _Key, compiled: Any) -> None:
        """Remember what a text was compiled to."""
        if self.is_recording and len(key[1]) <= _LONGEST and hash(key) not in self._gone:
            with contextlib.suppress(ValueError):
                self._new[key] = marshal.dumps(compiled)

    def _execute(self, text: object, *names: Any) -> None:
        if isinstance(text, str):
            key = ("exec", text, 0)
            code = self.find(key)
            if not isinstance(code, CodeType):
                code = compile(text, "<string>", "exec", dont_inherit=True)
                self.record(key, code)
            text = code
        exec(text, *names)  # type: ignore[arg-type]  # noqa: S102 - what `dataclasses` would execute here

    def _replace(self, module: ModuleType, name: str, value: object) -> None:
        """Set a name of a module; `undo` sets it back."""
        before = vars(module).get(name, self)
        self._undo.append(lambda: delattr(module, name) if before is self else setattr(module, name, before))
        setattr(module, name, value)


def _regex_compiler(texts: CompiledTexts, compiler: ModuleType) -> Callable[..., re.Pattern[Any]]:
    """`re._compiler.compile`, which asks `texts` first."""
    original: Callable[..., re.Pattern[Any]] = compiler.compile
    engine: ModuleType = vars(compiler)["_sre"]

    def compile(pattern: Any, flags: int = 0) -> re.Pattern[Any]:
        if type(pattern) not in (str, bytes) or flags & re.DEBUG:
            return original(pattern, flags)
        key = ("re", pattern, int(flags))
        found = texts.find(key)
        if isinstance(found, tuple):
            final_flags, code, *groups = found
            made: re.Pattern[Any] = engine.compile(
                pattern, final_flags, memoryview(code).cast("I").tolist(), *groups
            )
            return made
        if not texts.is_recording:
            return original(pattern, flags)
        recorder = _Recorder(engine)
        setattr(compiler, "_sre", recorder)  # noqa: B010 - mypy knows no such name
        try:
            made = original(pattern, flags)
        finally:
            setattr(compiler, "_sre", engine)  # noqa: B010
        if recorder.given:
            texts.record(key, recorder.given)
        return made

    return compile


class _Recorder:
    """Stands for the C module that makes patterns, and remembers of what it made one."""

    def __init__(self, engine: ModuleType) -> None:
        self._engine = engine
        self.given: tuple[Any, ...] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def compile(self, pattern: object, flags: int, code: list[int], *groups: Any) -> Any:
        made = self._engine.compile(pattern, flags, code, *groups)
        # The engine keeps the dictionary of groups: it is written here before anybody has it.
        self.given = (int(flags), array("I", [int(word) for word in code]).tobytes(), *groups)
        return made


def _standard_file() -> Path:
    """Where Python keeps this folder's compiled modules."""
    folder = Path(importlib.util.cache_from_source(__file__)).parent
    return folder / (_FILE % sys.implementation.cache_tag)


def _version() -> bytes:
    """What compiled code holds for."""
    return f"{sys.version}\n".encode() + importlib.util.MAGIC_NUMBER


def _read(file: Path) -> dict[_Key, bytes]:
    """The texts in a file; none where it is missing, damaged or another Python's."""
    try:
        content = file.read_bytes()
        start = len(_version()) + 4
        version, check = content[: start - 4], content[start - 4 : start]
        if version != _version() or check != _checksum(content[start:]):
            return {}
        found = marshal.loads(content[start:])  # noqa: S302 - like Python's own compiled modules
    except (OSError, ValueError, EOFError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(file: Path, texts: dict[_Key, bytes]) -> None:
    """Replace the file in one step. Raises OSError."""
    body = marshal.dumps(texts)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    try:
        part.write_bytes(_version() + _checksum(body) + body)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _checksum(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(4, "little")
