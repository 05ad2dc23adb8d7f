"""The HTML of the rows of logs, and of the values of their fields.

A page has a hundred rows and some sixty values: macros called for each took a third of what the page took.
Telemetry is hostile text: whatever is not made of digits here passes `safe_text` or is escaped.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from markupsafe import Markup, escape

from observer.components.number_format import NOTHING, count
from observer.components.safe_text import line, plain
from observer.components.template_functions import when
from observer.screens.logs.field_panel import FieldPanel
from observer.screens.logs.filter_links import LinkedField
from observer.screens.logs.log_rows import LogRow, LogRows

PLACE = "{log}"
"""Stands for the log's id in the attributes of a link; no address has brackets."""
_NO_SERVICE = NOTHING
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
        f'<a data-main {link.to(log.log_id)} data-focus="#log-detail h2">'
        f"{line(row.line, 300)}</a></td>\n</tr>"
    )


def _service(name: str) -> str:
    shown = line(name or _NO_SERVICE, 60)
    return f'<td class="service-name" title="{escape(plain(name, 60))}">{shown}</td>'


def values_markup(linked: LinkedField, panel: FieldPanel, meter: Callable[[float], Markup]) -> Markup:
    """The values of a field of the panel, each with its links; `meter` draws a share."""
    add, exclude = escape(linked.add), escape(linked.exclude)
    name = escape(plain(linked.field.name, 60))
    items = []
    for value in linked.field.values:
        text, n = line(value.text, 80), f'<span class="soft">{count(value.count)}</span>'
        if value.linked:
            quoted = escape(quote(value.text, safe="/"))
            counted = "" if panel.cut else f' data-count="{value.count}" data-of="logs"'
            within, behind = ("", n) if panel.cut else (n, "")
            off = ""
            if exclude:
                words = f"{name} = {escape(plain(value.text, 60))}"
                off = f'<a class="off" href="{exclude}{quoted}" title="Leave these out"\n      '
                off += f'aria-label="Leave out {words}">≠</a>'
            link = f'<a href="{add}{quoted}" title="Add to filter"{counted}>\n    '
            link += f"<span>{text}</span>{within}</a>"
            shown = f'<span class="pair">{link}{behind}{off}</span>'
        else:
            n = f'<span class="soft" title="Too long to filter by">{count(value.count)}</span>'
            shown = f'<span class="pair"><span>{text}</span>\n    {n}</span>'
        items.append(f"<li>{shown}{meter(value.share)}</li>")
    return Markup("".join(items))  # noqa: S704 - each was made of what is escaped


FILTERS: dict[str, Callable[..., Markup]] = {
    "rows_of_logs": rows_markup,
    "values_of_field": values_markup,
}
