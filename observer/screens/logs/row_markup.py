"""The HTML of the rows of logs, and of the values of their fields.

A page has a hundred rows and some sixty values: a macro called for each took a third of the time that the page
took. Telemetry is hostile text: whatever is not made of digits here passes `safe_text` or is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote

from markupsafe import Markup, escape

from observer.components.safe_text import line, plain
from observer.components.template_functions import when
from observer.screens.logs.log_rows import LogRow, LogRows

PLACE = "{log}"
"""Stands for the log's id in the attributes of a link; no address has brackets."""
_NO_SERVICE = "–"
_NO_TRACE = '<span class="badge" title="This log carries no trace_id">no trace</span>'


def rows_markup(table: LogRows, link: Markup, chosen_id: str) -> Markup:
    """The rows of a table; `link` has the attributes of the link to a log, with `PLACE` for its id."""
    linked = _Pieces(link)
    services: dict[str, str] = {}
    rows = [_row(row, linked, chosen_id, table.time_style, services) for row in table.rows]
    return Markup("".join(rows))  # noqa: S704 - each was made of what is escaped


class _Pieces:
    """The attributes of a link, in pieces between which the id is put."""

    def __init__(self, link: Markup) -> None:
        self._pieces = str(link).split(PLACE)

    def to(self, log_id: str) -> str:
        """The attributes of the link to a log."""
        return str(escape(quote(log_id, safe="/"))).join(self._pieces)


def _row(row: LogRow, link: _Pieces, chosen_id: str, style: str, services: dict[str, str]) -> str:
    log = row.log
    service = services.get(log.service)
    if service is None:
        service = services[log.service] = _service(log.service)
    severity = log.severity.value
    sender = f' <span class="soft">{line(row.sender_severity, 12)}</span>' if row.sender_severity else ""
    chosen = ' aria-selected="true"' if log.log_id == chosen_id else ""
    mark = f' data-mark="{escape(row.mark)}"' if row.mark else ""
    skew = (
        f'<span class="badge warn" title="{escape(row.clock_note)}">clock {escape(row.skew)}</span>'
        if row.skew
        else ""
    )
    return (
        f'<tr id="log-{escape(plain(log.log_id, 40))}" data-row data-whole data-order="{escape(row.order)}" '
        f'class="sev-{severity}"{chosen}{mark}>\n'
        f'<td class="severity"><span class="sev-tick" aria-hidden="true"></span>{severity}{sender}</td>\n'
        f'<td class="nowrap mono small">{when(log.time_unix_nano, style)}</td>\n'
        f"{service}\n"
        f'<td class="message">{_NO_TRACE if row.without_trace else ""}{skew}'
        f'<a data-main {link.to(log.log_id)} data-focus="#log-detail h2">{line(row.line, 300)}</a></td>\n</tr>'
    )


def _service(name: str) -> str:
    shown = line(name or _NO_SERVICE, 60)
    return f'<td class="service-name" title="{escape(plain(name, 60))}">{shown}</td>'


FILTERS: dict[str, Callable[..., Markup]] = {"rows_of_logs": rows_markup}
