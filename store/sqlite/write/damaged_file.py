"""Reads the tables of a SQLite file page by page, as far as its pages make sense: damage ends nothing.

Owns the file format: pages, cells, records, the write-ahead log. Knows no table's meaning. What it yields
has the right length and form; whether it is right, its caller must check.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from store.sqlite.store_file import LOG_SUFFIX

Value = int | float | str | bytes | None

_TABLE_LEAF, _TABLE_NODE, _INDEX_LEAF = 13, 5, 10
_FREE: Final = 2
"""In a pointer map: the page is free."""
_DEFAULT_PAGE: Final = 4096
_ENTRY: Final = 5
_DEEPEST: Final = 30
_LOG_HEADER, _FRAME_HEADER = 32, 24
_LOG_MAGIC: Final = (0x377F0682, 0x377F0683)
_INTEGERS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


class Row(NamedTuple):
    """A record of a table: its number, and its columns as they are stored."""

    rowid: int
    values: tuple[Value, ...]


class _Unreadable(Exception):
    """This page, cell or record makes no sense."""


class DamagedFile:
    """A file with its write-ahead log, mapped and never written."""

    def __init__(self, path: Path) -> None:
        """Raise OSError where it cannot be read."""
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._size = os.fstat(self._fd).st_size
        self._body = mmap.mmap(self._fd, self._size, prot=mmap.PROT_READ) if self._size else b""
        self.page_bytes = self._page_size()
        try:
            self._log = Path(f"{path}{LOG_SUFFIX}").read_bytes()
        except OSError:
            self._log = b""
        self._newer = _pages_of_log(self._log, self.page_bytes)
        self.pages = max(-(-self._size // self.page_bytes), max(self._newer, default=0))
        self.unreadable = 0
        """Cells that made no sense so far."""

    def close(self) -> None:
        """Let go of the file."""
        if isinstance(self._body, mmap.mmap):
            self._body.close()
        os.close(self._fd)

    def _page_size(self) -> int:
        found = int.from_bytes(self._body[16:18], "big")
        found = 65_536 if found == 1 else found
        is_sane = found >= 512 and not found & (found - 1) and bytes(self._body[:15]) == b"SQLite format 3"
        return found if is_sane else _DEFAULT_PAGE

    def page(self, number: int) -> bytes:
        """A page, counted from 1, from the log where that has it; empty where there is none."""
        at = self._newer.get(number)
        if at is not None:
            return self._log[at : at + self.page_bytes]
        begin = (number - 1) * self.page_bytes
        found = bytes(self._body[begin : begin + self.page_bytes]) if number > 0 else b""
        return found.ljust(self.page_bytes, b"\0") if found else b""

    def tables(self) -> dict[str, int]:
        """The root page of each table whose entry can be read."""
        found = {}
        for number in self._leaves(1):
            for row in self._rows_of_page(number):
                if len(row.values) == 5 and row.values[0] in ("table", "index"):
                    name, root = row.values[1], row.values[3]
                    if isinstance(name, str) and isinstance(root, int) and 0 < root <= self.pages:
                        found[name] = root
        return found

    def leaves(self, roots: Mapping[str, int]) -> tuple[dict[str, list[int]], list[int]]:
        """(the leaves of each table, those that no table leads to and that are not free)."""
        of_tables, reached = {}, set(self._leaves(1))
        for name, root in roots.items():
            of_tables[name] = list(self._leaves(root))
            reached.update(of_tables[name])
        free = self._free_pages()
        orphans = [
            number
            for number in range(2, self.pages + 1)
            if number not in reached and number not in free and self.page(number)[:1] == b"\x0d"
        ]
        return of_tables, orphans

    def facts(self, root: int) -> dict[str, int]:
        """Names and numbers of a small table without row numbers that fits its root page."""
        page, found = self.page(root), dict[str, int]()
        if page[:1] != bytes((_INDEX_LEAF,)):
            return found
        for at in _cells_at(page, 0, 8):
            try:
                size, begin = _varint(page, at)
                values = _record(self._payload(page, begin, size))
            except (_Unreadable, IndexError, struct.error, UnicodeDecodeError):
                self.unreadable += 1
                continue
            if len(values) == 2 and isinstance(values[0], str) and isinstance(values[1], int):
                found[values[0]] = values[1]
        return found

    def rows(self, pages: list[int]) -> Iterator[Row]:
        """The rows of these leaves; cells that make no sense are counted and left out."""
        for number in pages:
            yield from self._rows_of_page(number)

    def _leaves(self, root: int) -> Iterator[int]:
        """The leaves of a table under a page, from left to right, each once."""
        seen: set[int] = set()
        waiting = [(root, 0)]
        while waiting:
            number, depth = waiting.pop()
            if number in seen or not 0 < number <= self.pages:
                continue
            seen.add(number)
            page = self.page(number)
            begin = 100 if number == 1 else 0
            if page[begin : begin + 1] == bytes((_TABLE_LEAF,)):
                yield number
            elif page[begin : begin + 1] == bytes((_TABLE_NODE,)) and depth < _DEEPEST:
                waiting.extend((child, depth + 1) for child in reversed(self._children(page, begin)))

    def _children(self, page: bytes, begin: int) -> list[int]:
        found = []
        for at in _cells_at(page, begin, 12):
            if at + 4 <= len(page):
                found.append(int.from_bytes(page[at : at + 4], "big"))
        return [*found, int.from_bytes(page[begin + 8 : begin + 12], "big")]

    def _free_pages(self) -> set[int]:
        """Free pages by the pointer maps, which a file of ours has."""
        free = set()
        of_map = self.page_bytes // _ENTRY
        lock_page = 0x4000_0000 // self.page_bytes + 1
        if not int.from_bytes(self.page(1)[52:56], "big"):
            return self._free_list()
        for begin in range(2, self.pages + 1, of_map + 1):
            at = begin + (begin == lock_page)
            page = self.page(at)
            for place in range(of_map):
                if page[place * _ENTRY : place * _ENTRY + 1] == bytes((_FREE,)):
                    free.add(at + 1 + place)
            free.add(at)
        return free | self._free_list()

    def _free_list(self) -> set[int]:
        free: set[int] = set()
        trunk = int.from_bytes(self.page(1)[32:36], "big")
        while 0 < trunk <= self.pages and trunk not in free:
            page = self.page(trunk)
            count = min(int.from_bytes(page[4:8], "big"), self.page_bytes // 4 - 2)
            free.add(trunk)
            free.update(struct.unpack_from(f">{count}I", page, 8))
            trunk = int.from_bytes(page[:4], "big")
        return free

    def _rows_of_page(self, number: int) -> Iterator[Row]:
        page = self.page(number)
        begin = 100 if number == 1 else 0
        for at in _cells_at(page, begin, 8):
            try:
                yield self._row_at(page, at)
            except (_Unreadable, IndexError, struct.error, UnicodeDecodeError):
                self.unreadable += 1

    def _row_at(self, page: bytes, at: int) -> Row:
        size, at = _varint(page, at)
        rowid, at = _varint(page, at)
        return Row(rowid - (1 << 64) if rowid >> 63 else rowid, _record(self._payload(page, at, size)))

    def _payload(self, page: bytes, at: int, size: int) -> bytes:
        usable = self.page_bytes
        if size <= usable - 35:
            return _exactly(page[at : at + size], size)
        if size > self._size + len(self._log):
            raise _Unreadable
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = local if local <= usable - 35 else least
        parts, left = [_exactly(page[at : at + local], local)], size - local
        following = int.from_bytes(_exactly(page[at + local : at + local + 4], 4), "big")
        while left > 0:
            page = self.page(following)
            if not page:
                raise _Unreadable
            part = page[4 : 4 + min(left, usable - 4)]
            parts.append(part)
            left -= len(part)
            following = int.from_bytes(page[:4], "big")
        if following:
            raise _Unreadable
        return b"".join(parts)


def _cells_at(page: bytes, begin: int, header: int) -> Iterator[int]:
    count = int.from_bytes(page[begin + 3 : begin + 5], "big")
    first = begin + header
    count = min(count, (len(page) - first) // 2)
    yield from struct.unpack_from(f">{count}H", page, first) if count > 0 else ()


def _exactly(found: bytes, size: int) -> bytes:
    if len(found) != size:
        raise _Unreadable
    return found


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        byte = body[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | body[at], at + 1


def _record(body: bytes) -> tuple[Value, ...]:
    """The columns of a record. Raises _Unreadable unless its parts make up exactly its length."""
    end, at = _varint(body, 0)
    if end > len(body):
        raise _Unreadable
    kinds = []
    while at < end:
        kind, at = _varint(body, at)
        kinds.append(kind)
    if at != end:
        raise _Unreadable
    values: list[Value] = []
    for kind in kinds:
        size = _INTEGERS.get(kind, 0)
        if kind == 0:
            values.append(None)
        elif size:
            values.append(int.from_bytes(_exactly(body[at : at + size], size), "big", signed=True))
        elif kind == 7:
            size = 8
            values.append(struct.unpack(">d", body[at : at + 8])[0])
        elif kind in (8, 9):
            values.append(kind - 8)
        elif kind >= 12:
            size = (kind - 12) // 2
            found = _exactly(body[at : at + size], size)
            values.append(found.decode() if kind % 2 else found)
        else:
            raise _Unreadable
        at += size
    if at != len(body):
        raise _Unreadable
    return tuple(values)


def _pages_of_log(log: bytes, page_bytes: int) -> dict[int, int]:
    """Page number to its place in a write-ahead log: the newest of those that were committed whole."""
    if len(log) < _LOG_HEADER:
        return {}
    magic, _, size = struct.unpack_from(">3I", log)
    if magic not in _LOG_MAGIC or size != page_bytes:
        return {}
    order = ">" if magic & 1 else "<"
    salts, sums = log[16:24], _sum(log[:24], order, (0, 0))
    if sums != struct.unpack_from(">2I", log, 24):
        return {}
    committed: dict[int, int] = {}
    open_pages: dict[int, int] = {}
    at = _LOG_HEADER
    while at + _FRAME_HEADER + page_bytes <= len(log):
        number, pages_then = struct.unpack_from(">2I", log, at)
        body = at + _FRAME_HEADER
        sums = _sum(log[body : body + page_bytes], order, _sum(log[at : at + 8], order, sums))
        if log[at + 8 : at + 16] != salts or sums != struct.unpack_from(">2I", log, at + 16):
            break
        open_pages[number] = body
        if pages_then:
            committed.update(open_pages)
            open_pages.clear()
            committed = {page: place for page, place in committed.items() if page <= pages_then}
        at = body + page_bytes
    return committed


def _sum(body: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    one, two = sums
    words = struct.unpack(f"{order}{len(body) // 4}I", body)
    for place in range(0, len(words), 2):
        one = (one + words[place] + two) & 0xFFFF_FFFF
        two = (two + words[place + 1] + one) & 0xFFFF_FFFF
    return one, two
