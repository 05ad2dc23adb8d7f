"""The names of a series of the rollups, and which series are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Series(NamedTuple):
    """A series without its kind."""

    environment: str
    subject: str
    item: str
    value: str


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """Selects series of one kind; None matches any value of a part."""

    kind: int
    subject: str | None = None
    item: str | None = None
    environment: str | None = None

    def matches(self, key: Series) -> bool:
        """Whether a series, of this kind already, is selected."""
        return (
            (self.subject is None or key.subject == self.subject)
            and (self.item is None or key.item == self.item)
            and (self.environment is None or key.environment == self.environment)
        )

    def conditions(self) -> tuple[str, list[object]]:
        """The filter as SQL on `series s`, and its values."""
        sql = "s.kind = ?"
        values: list[object] = [self.kind]
        for column, value in (
            ("subject", self.subject),
            ("item", self.item),
            ("environment", self.environment),
        ):
            if value is not None:
                sql += f" AND s.{column} = ?"
                values.append(value)
        return sql, values
