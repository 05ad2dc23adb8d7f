"""Which metric an address names: by its path, or by an argument where a path cannot hold the name."""

from __future__ import annotations

from typing import Final

from observer.lookup.metric_charts import near_metrics
from observer.request.errors import Unknown, shortened
from observer.request.links import metric_digest, metric_path
from observer.request.parameters import Query
from store.api import Reader, Window

BY_ARGUMENT: Final = "-"
_MOST: Final = 1_000


def name_of(reader: Reader, query: Query, path_name: str) -> str:
    """The metric's name. Raises Unknown for a digest that no metric has."""
    if path_name != BY_ARGUMENT:
        return path_name
    digest = query.text("digest")
    if not digest:
        return query.text("name") or path_name
    found, _ = reader.metric_names(Window.ALL, limit=_MOST)
    name = next((each.info.name for each in found if metric_digest(each.info.name) == digest), None)
    if name is None:
        raise Unknown("There is no metric of this address any more.", "Choose one from the list of metrics.")
    return name


def name_args(name: str) -> dict[str, str]:
    """The arguments that name a metric without a path."""
    return metric_path(name)[1] or {"name": name}


def unknown(reader: Reader, name: str) -> Unknown:
    """The error for a name that no metric has, with those that are like it."""
    near = ", ".join(shortened(each) for each in near_metrics(reader, name))
    remedy = f"There are: {near}." if near else "Choose one from the list of metrics."
    return Unknown(f"There is no metric {shortened(name)!r}.", remedy, action=("All metrics", "/metrics"))
