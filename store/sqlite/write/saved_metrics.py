"""Which points and exemplars of metrics in another file are right, and of which series they are."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from signals.metrics import MetricInfo, MetricKind, Temporality
from store.metric_points import PlainPoint, runs_of, value_at
from store.metric_rows import ExemplarRow, MetricRow, MetricSeriesRow
from store.sqlite.metric_blocks import ChunkTimes, read_block
from store.sqlite.row_checks import exemplar_check, plain_check, series_check
from store.sqlite.write.damaged_file import Row

_NUMBER, _TEXT, _BYTES = (int,), (str,), (bytes,)
_NONE: Final = (type(None),)
_METRICS = (_NONE, _TEXT, _TEXT, _TEXT, _NUMBER, _NUMBER, _TEXT, _NUMBER)
_RESOURCES = (_NONE, _BYTES)
_SERIES = (_NONE, _NUMBER, _BYTES, _TEXT, _NUMBER, _TEXT, _TEXT, _NUMBER, _NUMBER, _NUMBER)
_RECENT = (_NONE, _NUMBER, _NUMBER, _BYTES)
_CHUNKS = (_NONE, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _BYTES)
_VALUE, _ID = (float, int, type(None)), (bytes, type(None))
_EXEMPLARS = (_NONE, _NUMBER, _NUMBER, _NUMBER, _VALUE, _ID, _ID, _TEXT)
_ID_BYTES: Final = (16, 8)
_BLOCKS = (_NUMBER, _NUMBER, _NUMBER, _NUMBER, _BYTES)
_UNDECODABLE = (
    zlib.error, struct.error, ValueError, IndexError, KeyError, TypeError, OverflowError, AttributeError,
)  # fmt: skip


class SavedMetrics:
    """The series of a file, and what its blocks hold of them."""

    def __init__(self, metrics: Iterable[Row], resources: Iterable[Row], series: Iterable[Row]) -> None:
        self.wrong = 0
        """Series, chunks, blocks and exemplars that are not as they were written."""
        infos: dict[int, list[MetricInfo]] = {}
        for number, cells, _ in _of_form(metrics, _METRICS):
            info = _info_of(cells)
            if info is not None:
                infos.setdefault(number, []).append(info)
        bodies: dict[int, list[bytes]] = {}
        for number, cells, _ in _of_form(resources, _RESOURCES):
            bodies.setdefault(number, []).append(cells[1])
        self._series: dict[int, MetricSeriesRow] = {}
        for number, cells, check in _of_form(series, _SERIES):
            found = _series_of(number, cells, check, infos, bodies)
            if found is None:
                self.wrong += 1
            else:
                self._series[number] = found

    def settled(self, chunks: Iterable[Row], blocks: Iterable[Row]) -> Iterator[MetricRow]:
        """The points of all blocks that are right."""
        times: dict[int, list[bytes]] = {}
        for number, cells, check in _of_form(chunks, _CHUNKS):
            if check is not None and check != plain_check(cells[5]):
                self.wrong += 1
            else:
                times.setdefault(number, []).append(cells[5])
        seen: set[int] = set()
        for _, cells, check in _of_form(blocks, _BLOCKS):
            if check is not None and check in seen:
                continue
            chunk = next(
                (
                    body
                    for body in times.get(cells[0], ())
                    if check is None or check == plain_check(body, cells[4])
                ),
                None,
            )
            found = None if chunk is None else self._points_of_block(chunk, cells[4])
            if found is None:
                self.wrong += 1
                continue
            if check is not None:
                seen.add(check)
            yield from found

    def recent(self, rows: Iterable[Row]) -> Iterator[MetricRow]:
        """The points that waited to become blocks."""
        for _, cells, check in _of_form(rows, _RECENT):
            if check is not None and check != plain_check(cells[1], cells[2], cells[3]):
                self.wrong += 1
                continue
            try:
                found = [
                    MetricRow(self._series[series], start, time, _value_of(start, time, plain))
                    for series, start, time, plain in orjson.loads(cells[3])
                    if series in self._series
                ]
            except _UNDECODABLE:
                self.wrong += 1
                continue
            yield from found

    def exemplars(self, rows: Iterable[Row]) -> Iterator[tuple[MetricSeriesRow, ExemplarRow]]:
        """The exemplars that are right, each with its series."""
        for _, cells, check in _of_form(rows, _EXEMPLARS):
            _, number, time, _, value, trace, span, text, *_ = cells
            series = self._series.get(number)
            if series is None:
                continue
            ids = trace or b"", span or b""
            attributes = _exemplar_attributes(text)
            is_right = check is None or check == exemplar_check(series.digest, time, value, ids, text)
            has_ids = all(len(each) in (0, size) for each, size in zip(ids, _ID_BYTES, strict=True))
            if attributes is None or not is_right or not has_ids:
                self.wrong += 1
                continue
            of_value = math.nan if value is None else float(value)
            yield series, ExemplarRow(time, of_value, *ids, attributes)

    def _points_of_block(self, chunk: bytes, body: bytes) -> list[MetricRow] | None:
        try:
            return [
                MetricRow(self._series[series], start, time, value_at(run, place))
                for series, run in read_block(body, ChunkTimes(chunk))
                if series in self._series
                for place, (start, time) in enumerate(zip(run.starts, run.times, strict=True))
            ]
        except _UNDECODABLE:
            return None


def _exemplar_attributes(text: str) -> dict[str, str] | None:
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _value_of(start: int, time: int, plain: Any) -> Any:
    return value_at(runs_of([PlainPoint(start, time, plain)])[0], 0)


def _of_form(
    rows: Iterable[Row], types: Sequence[tuple[type, ...]]
) -> Iterator[tuple[int, Sequence[Any], int | None]]:
    """(number, columns, checksum or None) of the rows whose columns have these types."""
    for row in rows:
        values = row.values
        if len(values) - len(types) not in (0, 1):
            continue
        check: Any = values[len(types)] if len(values) > len(types) else None
        if isinstance(check, int | None) and all(
            isinstance(value, kinds) for value, kinds in zip(values, types, strict=False)
        ):
            yield row.rowid, values, check


def _info_of(cells: Sequence[Any]) -> MetricInfo | None:
    _, name, unit, kind, temporality, monotonic, description, _ = cells
    try:
        return MetricInfo(
            name, unit, MetricKind(kind), Temporality(temporality), bool(monotonic), description
        )
    except ValueError:
        return None


def _series_of(
    number: int,
    cells: Sequence[Any],
    check: int | None,
    infos: Mapping[int, Sequence[MetricInfo]],
    bodies: Mapping[int, Sequence[bytes]],
) -> MetricSeriesRow | None:
    _, metric, digest, service, resource, scope, attributes, *_ = cells
    for info in infos.get(metric, ()):
        identity = (info.name, info.unit, info.kind.value, int(info.temporality), info.monotonic)
        for body in bodies.get(resource, ()):
            texts = (service, scope, attributes)
            if check is not None and check != series_check(number, digest, texts, body, identity):
                continue
            try:
                named = orjson.loads(attributes)
            except ValueError:
                continue
            if isinstance(named, dict):
                return MetricSeriesRow(info, service, body, scope, named, digest)
    return None
