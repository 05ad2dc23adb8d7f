"""Tag sets by number, and the numbers of those that carry something.

Sets never change and get rising numbers: what was found among them once is looked for among new ones only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from itertools import count
from typing import Final

import orjson

from signals.attributes import ENVIRONMENT_NAMES, SEAT
from signals.folding import fold, is_simple
from store.change_results import Operation
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.shared import BoundedCache
from store.sqlite.read.tag_set_texts import TagSetTexts
from store.sqlite.table_layout import SYNTHETIC_TAG
from store.sqlite.tag_set_keys import keys_of_operation
from store.tag_sets import OPERATION, SERVICE, environment_in, service_in, values_in

_MOST_BYTES: Final = 24 * 1024**2
"""Of sets that are remembered: some 25,000."""
_MOST_TEXTS: Final = 20_000
_MOST_OPERATIONS: Final = 5_000
_MOST_FORMS: Final = 2_000
"""Sets by which others are read that name another person: some 3 MB."""
_PERSON_FIELD: Final = f'"{SEAT}":"'
_FEW_SETS: Final = 8_000
_MATCHES_BYTES: Final = 8 * 1024**2


class KnownSet(dict[str, str | list[str]]):
    """A set, and what most questions ask of it. Shared: not to be changed."""

    __slots__ = ("environment", "form", "of", "person", "synthetic")
    environment: str
    form: int
    """Sets of one form are the same but for the person."""
    of: Operation
    """Its service and operation."""
    person: str
    """Its first `enduser.id`, or nothing."""
    synthetic: bool


class TagSetCache(BoundedCache[int, KnownSet]):
    """Sets by their number, with one copy of each text."""

    def __init__(self) -> None:
        super().__init__(_MOST_BYTES, lambda tags: 350 + 60 * len(tags))
        self._texts: dict[str, str] = {}
        self._operations: dict[tuple[str, str], Operation] = {}
        self._forms: dict[str, KnownSet] = {}
        self._numbers = count()

    def read(self, body: str) -> KnownSet:
        """The set of a stored body.

        A shop has thousands of sets, and some dozens but for the person: copying one takes a tenth of
        parsing it. Quotes within texts are escaped, so that the field is nowhere else.
        """
        begin = body.find(_PERSON_FIELD) + len(_PERSON_FIELD)
        end = body.find('"', begin)
        person = body[begin:end]
        if begin < len(_PERSON_FIELD) or "\\" in person:
            return self._parsed(body)
        without = body[:begin] + body[end:]
        form = self._forms.get(without)
        if form is None:
            if len(self._forms) >= _MOST_FORMS:
                self._forms = {}
            form = self._forms[without] = self._parsed(body)
            return form
        tags = KnownSet(form)
        tags[SEAT] = tags.person = self._texts.setdefault(person, person)
        tags.of, tags.environment = form.of, form.environment
        tags.synthetic, tags.form = form.synthetic, form.form
        return tags

    def _parsed(self, body: str) -> KnownSet:
        texts, operations = self._texts, self._operations
        if len(texts) > _MOST_TEXTS:
            texts = self._texts = {}
        if len(operations) > _MOST_OPERATIONS:
            operations = self._operations = {}
        tags = KnownSet(orjson.loads(body))
        for tag, value in tags.items():
            if isinstance(value, str):
                tags[tag] = texts.setdefault(value, value)
        of = Operation(service_in(tags), next(iter(values_in(tags, OPERATION)), ""))
        tags.of = operations.setdefault(of, of)
        tags.environment = environment_in(tags)
        tags.person = next(iter(values_in(tags, SEAT)), "")
        tags.synthetic = bool(values_in(tags, SYNTHETIC_TAG))
        tags.form = next(self._numbers)
        return tags


class _Matches(BoundedCache[Hashable, tuple[int, frozenset[int]]]):
    """By question: the highest number that was looked at, and the sets that were found."""

    def __init__(self) -> None:
        super().__init__(_MATCHES_BYTES, lambda known: 500 + 100 * len(known[1]))


def read_sets(db: ReadSession, ids: Iterable[int]) -> dict[int, KnownSet]:
    """The sets of these ids. Shared: not to be changed."""
    cache = db.shared.of(TagSetCache)
    known = cache.get
    found: dict[int, KnownSet] = {}
    missing = []
    for number in ids:
        tags = known(number)
        if tags is None:
            missing.append(number)
        else:
            found[number] = tags
    if missing:
        # One parameter: a statement with the numbers in its text would be kept, as large as it is.
        rows = db.each(
            "SELECT t.id, t.body FROM json_each(?) j CROSS JOIN tagsets t ON t.id = j.value",
            (orjson.dumps(missing).decode(),),
        )
        new = {number: cache.read(body) for number, body in rows}
        cache.update(new)
        found.update(new)
    return found


def matching_sets(
    sets: Mapping[int, KnownSet], service: str | None, where: Mapping[str, str], environment: str | None
) -> dict[int, KnownSet]:
    """Those of the sets that belong to this service and environment and carry all of `where`."""
    forms = {tags.form: tags for tags in sets.values()}
    fitting = {
        form
        for form, tags in forms.items()
        if (service is None or tags.of.service == service)
        and (environment is None or tags.environment == environment)
        and all(value in (values_in(tags, tag) or [""]) for tag, value in where.items() if tag != SEAT)
    }
    found = {number: tags for number, tags in sets.items() if tags.form in fitting}
    if SEAT in where:
        person = where[SEAT]
        found = {number: tags for number, tags in found.items() if person in (values_in(tags, SEAT) or [""])}
    return found


def sets_with(db: ReadSession, tag: str, value: str, service: str | None = None) -> frozenset[int]:
    """The ids of the sets that carry this value of a tag, those of one service if it is given."""
    if tag == OPERATION and service is not None:
        return _sets_of_operation(db, service, value)
    of_service = b"" if service is None else orjson.dumps(SERVICE) + b":" + orjson.dumps(service)
    alone = orjson.dumps(tag) + b":" + orjson.dumps(value)

    def found(above: int) -> Iterator[int]:
        for number, body in db.shared.of(TagSetTexts).carrying(db, tag, value, above):
            # Quotes within texts are escaped, so that these bytes are nowhere else.
            if of_service in body and (alone in body or value in values_in(orjson.loads(body), tag)):
                yield number

    return _since_asked(db, ("tag", tag, value, service), found)


def _sets_of_operation(db: ReadSession, service: str, operation: str) -> frozenset[int]:
    """Those of one operation, by their keys: a shop has a hundred operations, and each is asked for."""
    keys = keys_of_operation(service, operation)
    texts = [
        orjson.dumps(tag).decode() + ":" + orjson.dumps(value).decode()
        for tag, value in ((SERVICE, service), (OPERATION, operation))
    ]

    def found(above: int) -> Iterator[int]:
        for (each,) in db.each(
            "SELECT id FROM tagsets WHERE key >= ? AND key <= ? AND id > ? "
            "AND instr(body, ?) AND instr(body, ?)",
            (*keys, above, *texts),
        ):
            yield each

    return _since_asked(db, ("operation", service, operation), found)


def sets_containing(db: ReadSession, tag: str, text: str, service: str | None = None) -> frozenset[int]:
    """The ids of the sets in which a value of a tag contains a text, whatever its case and form."""
    folded = fold(text)
    return frozenset(
        number
        for number, tags in _sets_that_may_hold(db, folded).items()
        if (service is None or tags.of.service == service)
        and any(folded in fold(value) for value in values_in(tags, tag))
    )


def values_containing(db: ReadSession, tag: str, text: str) -> set[str]:
    """The values of a tag that contain a text, whatever its case and Unicode form."""
    folded = fold(text)
    return {
        value
        for tags in _sets_that_may_hold(db, folded).values()
        for value in values_in(tags, tag)
        if folded in fold(value)
    }


def _sets_that_may_hold(db: ReadSession, folded: str) -> dict[int, KnownSet]:
    """The sets in whose texts this folded one may occur.

    JSON escapes some characters, and small letters are made of ASCII alone: sets with any other text are
    compared in Python, and all of them where the text sought has one.
    """
    if is_simple(folded) and orjson.dumps(folded)[1:-1] == folded.encode():
        return read_sets(db, db.shared.of(TagSetTexts).that_may_hold(db, folded))
    return read_sets(db, [number for (number,) in db.each("SELECT id FROM tagsets")])


def sets_of_environment(db: ReadSession, environment: str) -> frozenset[int]:
    """The ids of the sets of one deployment environment, in whichever spelling it was sent."""

    # The first of the names counts, and quotes within texts are escaped: such a body need not be read.
    alone = orjson.dumps(ENVIRONMENT_NAMES[0]) + b":" + orjson.dumps(environment)

    def found(above: int) -> Iterator[int]:
        rows = db.all("SELECT id FROM tagsets WHERE id > ? LIMIT ?", (above, _FEW_SETS + 1))
        if len(rows) <= _FEW_SETS:
            # Most sets are of the environment, and a page reads most: faster than looking into each text.
            for number, tags in read_sets(db, [number for (number,) in rows]).items():
                if tags.environment == environment:
                    yield number
            return
        for number, body in db.shared.of(TagSetTexts).holding(db, environment, above):
            if (environment and alone in body) or environment_in(orjson.loads(body)) == environment:
                yield number

    return _since_asked(db, ("environment", environment), found)


def _since_asked(db: ReadSession, question: Hashable, find: Callable[[int], Iterable[int]]) -> frozenset[int]:
    """What a question found the last time, and what it finds among the sets above those of then."""
    matches = db.shared.of(_Matches)
    upto, known = matches.get(question) or (0, frozenset[int]())
    highest: int = (db.one("SELECT max(id) FROM tagsets") or (0,))[0] or 0
    if highest <= upto:
        return known
    found = known.union([number for number in find(upto) if number <= highest])
    matches.update({question: (highest, found)})
    return found
