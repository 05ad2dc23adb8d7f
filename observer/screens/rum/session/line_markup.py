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
from observer.request.links import scoped
from observer.screens.rum.session.event_detail import EventDetail
from observer.screens.rum.session.event_links import SessionLinks
from observer.screens.rum.session.event_rows import EventRow
from observer.screens.rum.session.page_timings import Marker
from observer.screens.rum.session.waterfall_lines import Bar, EventLine, RunLine, WaterfallPage
from signals.session_events import ApmLink

DIALOG, HERE = "{dialog}", "{here}"
"""Stand for the two addresses in the attributes of a link that opens a dialog; no address has brackets."""
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
        # No address of ours holds a bracket, so the pieces between them stay what they are.
        self._dialog = [piece.split(DIALOG) for piece in str(opens_dialog).split(HERE)]
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
            attributes += _backend(row.apm)
        if line.folded:
            attributes += " hidden"
        detail = self._detail(line.detail, self._links) if line.detail else ""
        return (
            f'<div role="row" class="wf-row k-{row.colour}{" failed" if row.failed else ""}" '
            f'id="{escape(row.dom_id)}" data-row data-whole\n'
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
        opens = escape(self._links.open_event(span_id))
        href, otherwise = opens, ""
        if line.open:
            href, otherwise = escape(self._links.close_event(span_id)), f' data-opens="{opens}"'
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
                f'{shown}<a class="apm-link" {self._opens_dialog(row.apm_span_id)}\n'
                f'      data-key="apm" aria-label="APM: the backend of {self._labels[row.title]}">'
                f"{self._icon}APM</a>"
            )
        if row.no_apm_reason:
            return (
                f'{shown}<a class="small no-apm" {opening} title="{escape(row.no_apm_reason)}" '
                'aria-label="no APM link: why?">no APM link</a>'
            )
        return shown

    def _opens_dialog(self, span_id: str) -> str:
        dialog, here = escape(self._links.dialog(span_id)), escape(self._links.dialog_here(span_id))
        return str(here).join([str(dialog).join(pieces) for pieces in self._dialog])

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


def _backend(apm: ApmLink) -> str:
    """Where the keyboard leads from a row whose trace is here."""
    trace = escape(scoped(f"/apm/traces/{apm.trace_id}", span=apm.span_id))
    return f' data-trace="{trace}"\n  data-logs="{escape(scoped("/logs", trace_id=apm.trace_id))}"'


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
