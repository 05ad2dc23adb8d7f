"""The HTML of what a session's page has by hundreds: the lines of its waterfall and their time axes.

A macro called for each line and each part of it took two fifths of what a page of 572 events took.
Telemetry is hostile text: whatever is not made of digits or a word of our own here passes `safe_text` or is
escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup, escape

from observer.components.number_format import duration
from observer.components.safe_text import line as oneline, plain
from observer.components.status_badge import status_badge
from observer.components.template_functions import when
from observer.request.links import open_ended, scoped
from observer.screens.rum.session.event_detail import EventDetail
from observer.screens.rum.session.event_links import SessionLinks
from observer.screens.rum.session.event_rows import EventRow
from observer.screens.rum.session.page_timings import Marker
from observer.screens.rum.session.waterfall_lines import Bar, EventLine, RunLine, WaterfallPage
from signals.session_events import ApmLink

DIALOG, HERE = "{dialog}", "{here}"
"""Stand for the two addresses in the attributes of a link that opens a dialog; no address has brackets."""
SPAN = "{span}"
"""Stands for a span's id in an address."""
_FLAG = (
    '<span class="flag origin" title="Error"><span aria-hidden="true">!</span>'
    '<span class="hidden-text">error</span></span>'
)
_WORD = '<span class="bad-text small" aria-hidden="true">error</span>'


def waterfall_markup(
    pages: Sequence[WaterfallPage],
    links: SessionLinks,
    opens_dialog: Markup,
    icon: Markup,
    detail: Callable[[EventDetail, SessionLinks], Markup],
) -> Markup:
    """The pages of a waterfall with their lines.

    `opens_dialog` has the attributes of a link that opens a dialog, with `DIALOG` and `HERE` for its
    addresses; `icon` is that of the backend, and `detail` draws an opened event.
    """
    lines = _Lines(links, opens_dialog, icon, detail)
    drawn: list[str] = []
    for page in pages:
        drawn += _page_head(page, lines.paths)
        drawn += lines.of_page(page)
        drawn.append("  </div>\n")
    return Markup("".join(drawn))  # noqa: S704 - each was made of what is escaped


class _Once(dict[str, str]):
    """Texts that a page writes many times, each made once."""

    def __init__(self, make: Callable[[str], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, text: str) -> str:
        made = self[text] = str(self._make(text))
        return made


def _safe(span_id: str) -> str:
    """An id as an attribute holds it: nearly all are digits, which need no look at each of them."""
    return span_id if span_id.isalnum() else str(escape(span_id))


class Address:
    """An address in pieces between which a span's id is put. Where the id is to stand it has `SPAN`: brackets
    are in no address otherwise."""

    def __init__(self, address: str) -> None:
        self._pieces = str(escape(address)).split(SPAN)

    def of(self, span_id: str) -> str:
        """The address for this id."""
        return _safe(span_id).join(self._pieces)


class _Dialog:
    """The attributes of a link that opens the dialog of an event."""

    def __init__(self, links: SessionLinks, opens_dialog: Markup) -> None:
        self._links = links
        self._attributes = str(opens_dialog)
        before = f"{links.base}/apm/"
        dialog = f"{before}{SPAN}{links.dialog('').removeprefix(before)}"
        self._pieces = self._with(dialog, links.dialog_here(SPAN)).split(SPAN)

    def _with(self, dialog: str, here: str) -> str:
        pieces = [piece.split(DIALOG) for piece in self._attributes.split(HERE)]
        return str(escape(here)).join([str(escape(dialog)).join(each) for each in pieces])

    def of(self, span_id: str) -> str:
        """The attributes for this event."""
        if span_id.isascii() and span_id.isalnum():
            return span_id.join(self._pieces)
        return self._with(self._links.dialog(span_id), self._links.dialog_here(span_id))


class _Lines:
    """Writes lines, with what all of them share."""

    def __init__(
        self,
        links: SessionLinks,
        opens_dialog: Markup,
        icon: Markup,
        detail: Callable[[EventDetail, SessionLinks], Markup],
    ) -> None:
        self._links = links
        self._closed = escape(links.closed)
        self._opens = Address(links.open_event(SPAN))
        self._closes = Address(links.close_event(SPAN))
        self._dialog = _Dialog(links, opens_dialog)
        self._trace = escape(open_ended(scoped(""), "span"))
        self._logs = escape(open_ended(scoped("/logs"), "trace_id"))
        self._icon = icon
        self._detail = detail
        self.paths = _Once(lambda path: oneline(path, 100))
        self._titles = _Once(lambda title: oneline(title, 300))
        self._labels = _Once(lambda title: escape(plain(title, 80)))
        self._badges: dict[int | None, str] = {}

    def of_page(self, page: WaterfallPage) -> list[str]:
        """The lines of a page."""
        ground = page.ground_id
        return [
            self._run(each, ground) if isinstance(each, RunLine) else self._event(each, ground)
            for each in page.lines
        ]

    def _event(self, line: EventLine, ground_id: str) -> str:
        row = line.row
        span_id = row.event.span.span_id
        opening = self._opening(line, span_id)
        attributes = f' data-mark="{line.mark}"' if line.mark else ""
        if line.trace_arrived and row.apm:
            attributes += self._backend(row.apm)
        if line.folded:
            attributes += " hidden"
        detail = self._detail(line.detail, self._links) if line.detail else ""
        return (
            f'<div role="row" class="wf-row k-{row.colour}{" failed" if row.failed else ""}" '
            f'id="e-{_safe(span_id)}" data-row data-whole\n'
            f'  tabindex="{0 if line.open else -1}" aria-level="{line.level}"{attributes}>\n'
            f'  <span role="gridcell" class="wf-label l{line.level}"><a {opening}>\n'
            f'    <span class="wf-kind">{row.label}</span> '
            f'<span class="wf-title">{self._titles[row.title]}</span></a></span>\n'
            f'  <span role="gridcell" class="wf-result">{self._result(row, opening)}</span>\n'
            f'  <span role="gridcell" class="wf-bar">{_bar(line.bar, ground_id)}'
            f'<span class="hidden-text">{line.when}</span></span>\n</div>\n{detail}'
        )

    def _opening(self, line: EventLine, span_id: str) -> str:
        """The attributes of a link that opens the event in place, or closes it."""
        opens = self._opens.of(span_id)
        href, otherwise = opens, ""
        if line.open:
            href, otherwise = self._closes.of(span_id), f' data-opens="{opens}"'
        return (
            f'href="{href}" data-open{otherwise} data-shut="{self._closed}"\n'
            f'  aria-expanded="{"true" if line.open else "false"}"'
        )

    def _result(self, row: EventRow, opening: str) -> str:
        flag = ""
        if row.flagged:
            flag = _FLAG + ("" if row.event.kind == "error" else _WORD)
        shown = flag + self._badge(row.status)
        if row.apm_span_id:
            return (
                f'{shown}<a class="apm-link" {self._dialog.of(row.apm_span_id)}\n'
                f'      data-key="apm" aria-label="APM: the backend of {self._labels[row.title]}">'
                f"{self._icon}APM</a>"
            )
        if row.no_apm_reason:
            return (
                f'{shown}<a class="small no-apm" {opening} title="{escape(row.no_apm_reason)}" '
                'aria-label="no APM link: why?">no APM link</a>'
            )
        return shown

    def _backend(self, apm: ApmLink) -> str:
        """Where the keyboard leads from a row whose trace is here; ids of links are digits."""
        trace_id = apm.trace_id
        return (
            f' data-trace="/apm/traces/{trace_id}{self._trace}{apm.span_id}"\n'
            f'  data-logs="{self._logs}{trace_id}"'
        )

    def _badge(self, status: int | None) -> str:
        found = self._badges.get(status)
        if found is None:
            found = self._badges[status] = _badge_of(status)
        return found

    def _run(self, line: RunLine, ground_id: str) -> str:
        """A run of successful resources, as one line that opens in place."""
        run = line.run
        return (
            f'<div role="row" class="wf-row wf-run k-resource" id="{escape(run.dom_id)}" data-row data-whole '
            f'data-fold="{escape(run.key)}" tabindex="-1"\n'
            f'  aria-level="{run.level}" aria-expanded="{"true" if run.open else "false"}">\n'
            f'  <span role="gridcell" class="wf-label l{run.level}">'
            f'<a href="{escape(self._links.toggle_run(run.key))}" data-twist data-main>\n'
            f'    <span class="wf-kind">Resources</span> <span class="wf-title">{line.title}'
            f'<span class="soft"> · slowest {duration(line.slowest_ns)} · {oneline(line.slowest_title, 80)}'
            "</span></span></a></span>\n"
            f'  <span role="gridcell" class="wf-result">{"".join(map(self._badge, line.statuses))}</span>\n'
            f'  <span role="gridcell" class="wf-bar">{_bar(line.bar, ground_id)}'
            f'<span class="hidden-text">{line.when}</span></span>\n</div>\n'
        )


def _badge_of(status: int | None) -> str:
    """As the macro `status_badge`."""
    badge = status_badge(status)
    if badge is None:
        return ""
    title = f' title="{badge.title}"' if badge.title else ""
    return f'<span class="badge {badge.css}"{title}>{badge.text}</span>'


def _bar(bar: Bar, ground_id: str) -> str:
    """A bar on its page's ground, with its duration beside it."""
    place = 'dx="-5" y="50%" dy="4" text-anchor="end"' if bar.label_before else 'dx="7" y="50%" dy="4"'
    return (
        f'<svg width="100%" aria-hidden="true"><use href="#{ground_id}"/>\n'
        f'  <rect class="mark" x="{bar.x}" y="50%" transform="translate(0 -6)" height="12" rx="2" '
        f'width="{bar.width}"/><text class="tick" x="{bar.label_x}" {place}>{bar.text}</text></svg>'
    )


def _page_head(page: WaterfallPage, paths: Mapping[str, str]) -> tuple[str, ...]:
    """The time axis of a page, and the ground that every bar of the page draws again."""
    shown, markers = page.page, page.markers
    breaks = [
        f'<rect class="idle" x="{cut.svg_x}" width="{cut.svg_width}" height="100%">'
        f"<title>{cut.words}</title></rect>"
        for cut in shown.scale.breaks
    ]
    quarters = [f'<line class="quarter" x1="{x}" x2="{x}" y2="100%"/>' for x in page.quarters]
    moments = [f'<line class="moment" x1="{m.svg_x}" x2="{m.svg_x}" y2="100%"/>' for m in markers]
    return (
        f'  <div role="rowgroup" class="wf-page" aria-label="{escape(plain(shown.path, 80))}">\n'
        '    <div role="row" class="wf-page-head">\n'
        f'  <span role="gridcell" class="wf-page-name"><span><strong>{paths[shown.path]}</strong>\n'
        f'    <span class="soft small">{when(shown.start_unix_nano, "clock")}</span></span>\n'
        f"{_moments(markers)}</span>\n"
        '  <span role="gridcell" class="wf-scale">'
        f'<svg width="100%" height="{page.scale_height}" aria-hidden="true">\n'
        f'    <defs><g id="{page.ground_id}">',
        *breaks,
        *quarters,
        *moments,
        "</g></defs>\n",
        *[
            f'    <text class="tick" x="{tick.svg_x}" y="12" text-anchor="{tick.anchor}">{tick.text}</text>\n'
            for tick in shown.ticks
        ],
        *map(_moment_of_axis, markers),
        f'  </svg><span class="hidden-text">{page.lasts}</span></span>\n</div>\n',
    )


def _moments(markers: Sequence[Marker]) -> str:
    """The moments of a page in words."""
    if not markers:
        return ""
    shown = [
        f'<span class="nowrap"><abbr title="{m.name}">{m.short}</abbr> {duration(m.after_ns)}</span>'
        for m in markers
    ]
    hidden = '<span class="hidden-text">Moments of the page: </span>'
    return f'    <span class="soft small wf-moments">{hidden}{" · ".join(shown)}</span>'


def _moment_of_axis(marker: Marker) -> str:
    x = marker.svg_x
    label = ""
    if marker.labelled:
        place = f'x="{x}" y="26" text-anchor="{marker.anchor}"'
        label = f'<text class="tick moment-label" {place}>{marker.short}</text>'
    return f'    <line class="moment" x1="{x}" x2="{x}" y1="{marker.line_top}" y2="100%"/>\n{label}'


FILTERS: dict[str, Callable[..., Markup]] = {"waterfall_of_session": waterfall_markup}
