"""The panels of the Logs page as view-models: table, histogram, fields, missing fields, the empty page."""

from __future__ import annotations

from datetime import UTC

from observer.screens.logs import field_panel, log_histogram, log_rows, missing_fields, view
from observer.screens.logs.filters import Selection
from signals.log_fields import LogField
from signals.model import Log, Severity, TraceId
from store.api import HistogramColumn, LogHistogram, LogQuery, Page, StoreStatus, Window
from tests.observer.screens.logs.test_log_view import log

S = 10**9
NOW = 10**18
HOUR = Window(NOW - 3_600 * S, NOW + S)
STATUS = StoreStatus(
    spans=0,
    logs=12,
    sessions=0,
    metric_points=0,
    rejected=0,
    oldest_unix_nano=1,
    newest_unix_nano=7,
    last_received_unix_nano=7,
    bytes=1,
    max_bytes=9,
    pruned_spans=0,
    pruned_logs=3,
    pruned_before_unix_nano=5,
)


def test_rows_sort_by_time_and_then_by_arrival() -> None:
    found = log_rows.log_rows([log(log_id="10"), log(log_id="9")], HOUR, NOW, UTC)
    assert found.rows[0].order > found.rows[1].order
    assert (found.dated, found.time_style) == (False, "clock")
    assert log_rows.log_rows([], Window(0, NOW), NOW, UTC).time_style == "exact"


def test_errors_and_logs_without_a_trace_are_marked() -> None:
    logs = [log(), log(severity=Severity.FATAL), log(severity=Severity.INFO, trace_id=None)]
    found = log_rows.log_rows(logs, HOUR, NOW, UTC).rows
    assert [(row.mark, row.without_trace) for row in found] == [
        ("error origin", False),
        ("error origin", False),
        ("", True),
    ]


def test_a_histogram_has_a_caption_and_totals_worst_first() -> None:
    columns = [HistogramColumn(0, {Severity.INFO: 2, Severity.ERROR: 1}), HistogramColumn(40 * S, {})]
    found = log_histogram.histogram(LogHistogram(columns, 3), Window(0, 80 * S), UTC, ["/a", "/b"])
    assert (found.total, found.column_width) == ("3 logs", "1 s per column")
    assert found.totals == (("error", 1), ("info", 2))
    assert [css for css, _ in found.charts] == ["only-wide", "only-narrow"]
    assert "1 error, 2 info" in found.charts[0][1]
    empty = log_histogram.histogram(LogHistogram([], 0), Window(0, 80 * S), UTC, [])
    assert (empty.total, empty.column_width, empty.totals) == ("0 logs", "", ())


def test_the_panel_counts_its_logs_and_what_it_leaves_out() -> None:
    severity = LogField("severity", 7, (("error", 7),), True)
    found = field_panel.field_panel([severity, *(LogField(f"f{n}", 1, ()) for n in range(130))], cut=True)
    assert (found.counted, found.left_out) == ("of the newest 7 logs", "11 rarer fields not listed.")
    assert (found.fields[0].in_record, found.fields[0].excludable) == (True, False)
    assert field_panel.field_panel([], cut=False).counted == ""


def test_suggestions_are_short_printable_conditions() -> None:
    values = (("USD", 3), ("x" * 100, 2), ("a\nb", 1))
    fields = field_panel.panel_fields([LogField("currency", 6, values)])
    assert field_panel.suggestions(fields) == ("currency = USD",)


def test_missing_fields_are_sentences() -> None:
    service, trace = missing_fields.missing_fields([log(trace_id=None, service=""), log(service=""), log()])
    assert service.share == "2 of the 3 logs below lack"
    assert trace.share == "1 of the 3 logs below lacks"
    assert (service.short_share, trace.short_share) == ("2 lack", "1 lack")
    assert service.consequence == "without it a log cannot be found from its service."
    assert trace.consequence == "without it a log cannot be found from its trace."
    assert trace.remedy == missing_fields.remedy_of("trace_id")


def shown(
    logs: tuple[Log, ...], *, by_id: bool = False, text: str | None = None, truncated: bool = False
) -> view.LogsView:
    query = LogQuery(HOUR, trace_id=TraceId("a" * 32) if by_id else None, text=text)
    loaded = view.Loaded(
        page=Page(logs, truncated=truncated),
        window=HOUR,
        counted=LogHistogram([], len(logs)),
        fields=(),
        fields_cut=False,
        recent=logs or (log(trace_id=None),),
        status=None if logs else STATUS,
    )
    return view.logs_view(loaded, Selection(query, (), by_id, False), [], NOW, UTC)


def test_a_page_with_logs_has_no_explanation() -> None:
    found = shown((log(service=""),))
    assert found.empty is None
    assert [field.name for field in found.missing] == ["service.name"]
    assert (found.more_label, found.range_note) == ("Show more", "")
    assert found.whole_label == "Back to the last 15 minutes"


def test_an_empty_page_says_what_the_store_holds_and_which_fields_match() -> None:
    found = shown((), text="test-1")
    assert found.missing == ()
    assert found.empty is not None
    assert (found.empty.held, found.empty.pruned) == ("12 logs", "3 older ones were pruned")
    assert "time range" in found.empty.reason
    assert found.empty.missing == ()
    assert [field.name for field in found.empty.matching] == ["token"]


def test_an_empty_page_of_an_id_says_what_recent_logs_lack() -> None:
    found = shown((), by_id=True)
    assert found.empty is not None
    assert found.empty.reason == "None of them carries this id."
    assert [field.short_share for field in found.empty.missing] == ["1 lack"]
    assert found.range_note == "all of this trace, whatever the time range above"
    assert found.whole_label == "All of this trace"


def test_a_cut_search_offers_to_look_further_back() -> None:
    found = shown((), truncated=True)
    assert (found.empty, found.more_label) == (None, "Look further back")
