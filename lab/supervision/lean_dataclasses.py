"""Makes dataclasses with less compiling, so that importing hundreds of them is quick and small.

For each dataclass the standard library of Python 3.11 and 3.12 writes and compiles six functions; of 1.5 s of
CPU that the fork server imported for, they took 0.7. What prints and what refuses changes does the same for
every class: here they are closures over the names of its fields. What compares and hashes is often called, so
it is still the standard library's, but compiled by the first call. Where the standard library has other
functions inside, it is left as it is.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any

_SAME_INSIDE = ((3, 11), (3, 12))
_Method = Callable[..., Any]


def apply() -> bool:
    """From now on classes are made so; returns False where this Python has other functions inside."""
    if sys.version_info[:2] not in _SAME_INSIDE or sys.implementation.name != "cpython":
        return False
    for name, function in _REPLACED.items():
        if getattr(dataclasses, name) is not function:
            _ORIGINAL[name] = getattr(dataclasses, name)
            setattr(dataclasses, name, function)
    return True


def undo() -> None:
    """From now on classes are made as ever."""
    for name, function in _ORIGINAL.items():
        setattr(dataclasses, name, function)
    _ORIGINAL.clear()


def _repr(fields: Sequence[dataclasses.Field[Any]], _globals: object) -> _Method:
    names = tuple(field.name for field in fields)

    def __repr__(self: object) -> str:
        shown = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"{self.__class__.__qualname__}({shown})"

    return _recursive_repr(__repr__)


def _comparison(name: str, operator: str, own: str, others: str, globals: object) -> _Method:
    original = _ORIGINAL["_cmp_fn"]
    if operator != "==":
        compared: _Method = original(name, operator, own, others, globals)
        return compared

    def __eq__(self: object, other: object) -> Any:
        return _installed(self, __eq__, lambda: original(name, operator, own, others, globals))(self, other)

    return __eq__


def _hash(fields: Sequence[dataclasses.Field[Any]], globals: object) -> _Method:
    original = _ORIGINAL["_hash_fn"]

    def __hash__(self: object) -> int:
        found: int = _installed(self, __hash__, lambda: original(fields, globals))(self)
        return found

    return __hash__


def _installed(asked: object, waiting: _Method, make: Callable[[], _Method]) -> _Method:
    """The method that `waiting` stands for, which takes its place in the class that has it."""
    method = make()
    for cls in type(asked).__mro__:
        if vars(cls).get(waiting.__name__) is waiting:
            method.__qualname__ = waiting.__qualname__
            setattr(cls, waiting.__name__, method)
    return method


def _refusals(
    cls: Any, fields: Sequence[dataclasses.Field[Any]], _globals: object
) -> tuple[_Method, _Method]:
    # `cls` is the one that was decorated: with slots, not the one that there is afterwards. As ever.
    names = tuple(field.name for field in fields)

    def __setattr__(self: object, name: str, value: object) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: object, name: str) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return __setattr__, __delattr__


_recursive_repr: Callable[[_Method], _Method] = getattr(dataclasses, "_recursive_repr", lambda given: given)
_REPLACED: dict[str, _Method] = {
    "_repr_fn": _repr,
    "_cmp_fn": _comparison,
    "_hash_fn": _hash,
    "_frozen_get_del_attr": _refusals,
}
_ORIGINAL: dict[str, _Method] = {}
