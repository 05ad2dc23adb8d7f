"""The HTML of the marks of a session's timeline and of its list of pages: both are there by hundreds.

As in `line_markup.py`, whatever is not made of digits or a word of our own passes `safe_text` or is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from observer.components.safe_text import line as oneline, plain
from observer.components.template_functions import when
from observer.request.links import here, open_ended
from observer.screens.rum.session.event_links import SessionLinks
from observer.screens.rum.session.line_markup import SPAN, Address
from observer.screens.rum.session.timeline import TimelineMark
from observer.screens.rum.session.view import PageEntry


def marks_markup(marks: Sequence[TimelineMark], links: SessionLinks) -> Markup:
    """The marks of a track, each a link to its event. Only failures are met by the tabulator key."""
    titles: dict[str, str] = {}
    shows = Address(links.show_event(SPAN))
    drawn = []
    for mark in marks:
        title = titles.get(mark.title)
        if title is None:
            title = titles[mark.title] = str(escape(plain(mark.title, 120)))
        skipped = "" if mark.failed else ' tabindex="-1"'
        drawn.append(
            f'      <a href="{shows.of(mark.span_id)}" aria-label="{title}"{skipped}>\n'
            f"        <title>{title}</title>\n"
            f'        <rect class="mark k-{mark.colour}" x="{mark.svg_x}" width="{mark.svg_width}" y="2" '
            'height="10"/></a>\n'
        )
    return Markup("".join(drawn))  # noqa: S704 - each was made of what is escaped


def pages_markup(entries: Sequence[PageEntry]) -> Markup:
    """The pages of a session's list, each a link that chooses it."""
    address = escape(open_ended(here(page=None, event=None, kind=None), "page"))
    drawn = []
    for page in entries:
        failures = [words for words in (page.errors, page.failed_requests) if words]
        failed = "".join([f' · <span class="bad-text">{words}</span>' for words in failures])
        current = ' aria-current="true"' if page.current else ""
        drawn.append(
            f'    <li><a href="{address}{page.number}"\n'
            f'      data-count="{page.total}" data-of="events"{current}>\n'
            f"      <span>{oneline(page.path, 80)}</span>\n"
            f'      <span class="soft small">{when(page.start_unix_nano, "clock")} · '
            f"{page.events}{failed}</span>\n"
            "    </a></li>\n"
        )
    return Markup("".join(drawn))  # noqa: S704 - each was made of what is escaped


FILTERS: dict[str, Callable[..., Markup]] = {
    "marks_of_session": marks_markup,
    "pages_of_session": pages_markup,
}
