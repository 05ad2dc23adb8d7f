"""Dataclasses that are made with less compiling must behave as the standard library's."""

from __future__ import annotations

import dataclasses
import pickle
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any

import pytest

from lab.supervision import lean_dataclasses

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="later versions of Python are left as they are"
)


def _classes() -> list[type[Any]]:
    """The same classes, made with what the standard library uses now."""

    @dataclass(frozen=True, slots=True)
    class Nothing:
        pass

    @dataclass(frozen=True, slots=True)
    class One:
        value: object

    @dataclass(frozen=True)
    class Open:
        value: object
        more: tuple[int, ...] = (1,)

    @dataclass(frozen=True, slots=True, order=True)
    class Many:
        first: int
        second: str = "2"
        hidden: int = field(default=3, repr=False)
        ignored: int = field(default=4, compare=False)
        unhashed: float = field(default=5.0, hash=False)

    @dataclass(slots=True)
    class Changing:
        values: list[Any] = field(default_factory=list)

    @dataclass(slots=True, eq=False)
    class ByIdentity:
        value: int = 1

    @dataclass(frozen=True)
    class Heir(Open):
        own: int = 6

    @dataclass(frozen=True)
    class Own:
        value: int = 1

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 1

    return [Nothing, One, Open, Many, Changing, ByIdentity, Heir, Own]


@pytest.fixture(name="pairs")
def _pairs() -> dict[str, tuple[type[Any], type[Any]]]:
    """Name -> the class as ever, and made with less."""
    ever = _classes()
    assert lean_dataclasses.apply()
    try:
        lean = _classes()
    finally:
        lean_dataclasses.undo()
    return {old.__name__: (old, new) for old, new in zip(ever, lean, strict=True)}


def _outcome(action: Callable[[], object]) -> tuple[str, str]:
    try:
        return "", repr(action())
    except Exception as error:
        return type(error).__name__, str(error)


_SHOWN: dict[str, list[tuple[object, ...]]] = {
    "Nothing": [()],
    "One": [(1,), ("1",), ((1,),), ([],), (float("nan"),)],
    "Open": [(1,), (1, (2,))],
    "Many": [(1,), (1, "b"), (2, "a", 3), (1, "2", 4), (1, "2", 3, 5), (1, "2", 3, 4, 6.0)],
    "Changing": [(), ([1],)],
    "ByIdentity": [(), (2,)],
    "Heir": [(1,), (1, (1,), 7)],
    "Own": [(), (2,)],
}


def test_they_print_compare_hash_and_refuse_alike(pairs: dict[str, tuple[type[Any], type[Any]]]) -> None:
    """Also what they refuse, with the same words."""
    assert set(pairs) == set(_SHOWN)
    for name, (old, new) in pairs.items():
        olds, news = [[cls(*values) for values in _SHOWN[name]] for cls in (old, new)]
        for position, (one, other) in enumerate(zip(olds, news, strict=True)):
            assert repr(one) == repr(other)
            assert [one == each for each in olds] == [other == each for each in news]
            assert [one != each for each in olds] == [other != each for each in news]
            if name != "ByIdentity":
                assert _outcome(lambda one=one: hash(one)) == _outcome(lambda other=other: hash(other))  # type: ignore[misc]
            for other_position in range(len(olds)):
                assert _outcome(
                    lambda a=one, b=olds[other_position]: a < b  # type: ignore[misc]
                ) == _outcome(lambda a=other, b=news[other_position]: a < b), (name, position)  # type: ignore[misc]
            for action in (setattr, delattr):
                for attribute in ("value", "first", "ignored", "unknown"):
                    more = (9,) if action is setattr else ()
                    assert _outcome(lambda: action(one, attribute, *more)) == _outcome(  # noqa: B023
                        lambda: action(other, attribute, *more)  # noqa: B023
                    ), (name, action, attribute)


def test_a_subclass_that_is_no_dataclass_may_have_more(pairs: dict[str, tuple[type[Any], type[Any]]]) -> None:
    """Its own attributes can be set and deleted, those of the dataclass not."""
    for cls in pairs["Open"]:

        class More(cls):  # type: ignore[valid-type, misc]
            pass

        more = More(1)
        more.extra = 2
        del more.extra
        with pytest.raises(FrozenInstanceError, match="cannot assign to field 'value'"):
            more.value = 2
        with pytest.raises(FrozenInstanceError, match="cannot delete field 'value'"):
            del more.value


def test_one_that_contains_itself_is_printed_short(pairs: dict[str, tuple[type[Any], type[Any]]]) -> None:
    """As by the standard library."""
    for cls in pairs["Changing"]:
        it = cls()
        it.values.append(it)
        assert repr(it).endswith("Changing(values=[...])")


def test_helpers_and_names_are_the_same(pairs: dict[str, tuple[type[Any], type[Any]]]) -> None:
    """`replace`, `asdict`, `fields`, `match`, the methods' qualified names, the class's own methods."""
    for old, new in pairs.values():
        one, other = old(*_SHOWN[old.__name__][0]), new(*_SHOWN[old.__name__][0])
        assert dataclasses.asdict(one) == dataclasses.asdict(other)
        assert repr(dataclasses.replace(one)) == repr(dataclasses.replace(other))
        assert [each.name for each in dataclasses.fields(old)] == [
            each.name for each in dataclasses.fields(new)
        ]
        assert old.__match_args__ == new.__match_args__
        assert old.__doc__ == new.__doc__
        assert set(vars(old)) == set(vars(new))
        for method in ("__repr__", "__eq__", "__setattr__", "__delattr__", "__init__"):
            assert getattr(old, method).__qualname__ == getattr(new, method).__qualname__


@dataclass(frozen=True, slots=True)
class _Kept:
    value: int


def test_classes_from_before_stay_as_they_are() -> None:
    """Only what is decorated afterwards is changed; and twice is once."""
    before = _Kept.__eq__
    try:
        assert lean_dataclasses.apply()
        assert lean_dataclasses.apply()
        assert _Kept.__eq__ is before
        assert pickle.loads(pickle.dumps(_Kept(1))) == _Kept(1)
    finally:
        lean_dataclasses.undo()
    assert dataclasses._cmp_fn.__module__ == "dataclasses"  # type: ignore[attr-defined]


def test_what_is_called_often_is_compiled_by_the_first_call(
    pairs: dict[str, tuple[type[Any], type[Any]]],
) -> None:
    """It is the standard library's then; also when an heir is asked first."""
    _, heir = pairs["Heir"]
    _, base = pairs["Open"]
    waiting = base.__eq__, heir.__eq__
    assert heir(1) == heir(1)
    assert heir.__eq__ is not waiting[1]
    assert base.__eq__ is waiting[0]
    assert base(1) == base(1)
    assert base.__eq__.__code__.co_filename == heir.__eq__.__code__.co_filename == "<string>"
    assert hash(heir(1)) == hash(heir(1))
    assert heir.__hash__.__code__.co_filename == "<string>"
    assert heir.__hash__.__qualname__.endswith("Heir.__hash__")
