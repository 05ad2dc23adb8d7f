"""The service map in numbers: nodes, edges, neighbours, the panel of a node. Pure; no store, no template."""

from __future__ import annotations

import pytest

from observer.screens.apm.example_traces import ExampleTrace
from observer.screens.apm.neighbours import neighbours
from observer.screens.apm.service_map import node_panel, view
from observer.screens.apm.service_map.node_queries import NodeData
from store.api import Breakdown, Latency, MapEdge, MapNode, Measure, ServiceMap, TagValue

SHOP = ServiceMap(
    nodes=(
        MapNode("frontend", inferred=False, database=False, measure=Measure(100, 20, 0)),
        MapNode("pay", inferred=False, database=False, measure=Measure(50, 20, 20)),
        MapNode("provider", inferred=True, database=False, measure=Measure(50, 0, 0)),
        MapNode("sqlite", inferred=True, database=True, measure=Measure(200, 0, 0)),
    ),
    edges=(
        MapEdge("frontend", "pay", Measure(50, 20, 0, Latency(p90_ns=7))),
        MapEdge("frontend", "sqlite", Measure(200, 0, 0)),
        MapEdge("pay", "provider", Measure(50, 0, 0)),
    ),
)
EXAMPLE = ExampleTrace("1" * 32, "POST /pay", "origin", 5, 0)


def _build(found: ServiceMap = SHOP, selected: str | None = None, hops: int = 0) -> view.MapView:
    return view.build(found, lambda name: f"/{name}", selected, None, hops)


def test_tables_list_what_is_busiest_first_and_mark_the_selected_node() -> None:
    found = _build(selected="pay")

    assert [node.service for node in found.nodes] == ["sqlite", "frontend", "pay", "provider"]
    assert [node.service for node in found.nodes if node.selected] == ["pay"]
    assert (found.edges[0].source, found.edges[0].target) == ("frontend", "sqlite")
    assert {node.service: node.badge for node in found.nodes} == {
        "frontend": "",
        "pay": "",
        "provider": "inferred",
        "sqlite": "inferred database",
    }


def test_only_calls_of_services_that_send_spans_lead_to_traces() -> None:
    assert {edge.target: edge.traced for edge in _build().edges} == {
        "pay": True,
        "sqlite": False,
        "provider": False,
    }


def test_hops_narrow_the_map_and_the_whole_is_still_counted() -> None:
    near = _build(selected="provider", hops=1)

    assert {node.service for node in near.nodes} == {"provider", "pay"}
    assert near.whole == 4
    assert [choice.label for choice in near.hop_choices] == ["Neighbours", "2 calls away", "3 calls away"]


def test_nodes_beyond_the_drawing_are_counted_and_in_the_table() -> None:
    many = ServiceMap(
        tuple(MapNode(f"s{n:03}", False, False, Measure(n)) for n in range(view.NODES_LIMIT + 2)), ()
    )
    found = _build(many)

    assert found.not_drawn == "2 quieter nodes"
    assert len(found.nodes) == view.NODES_LIMIT + 2
    assert found.tables_open
    assert not _build().not_drawn
    assert not _build().tables_open


def test_a_lone_service_is_noticed() -> None:
    assert _build(ServiceMap(SHOP.nodes[:1], ())).lone_service
    assert not _build().lone_service


def test_the_legend_repeats_the_shares_at_which_edges_change_their_colour() -> None:
    assert (_build().warn_percent, _build().bad_percent) == ("5 %", "20 %")


def test_neighbours_are_callers_and_callees() -> None:
    found = neighbours(SHOP, "pay")

    assert [(each.service, each.calls, each.errors, each.p90_ns) for each in found.callers] == [
        ("frontend", 50, 20, 7)
    ]
    assert [(each.service, each.inferred, each.traced) for each in found.callees] == [
        ("provider", True, False)
    ]
    assert neighbours(SHOP, "unknown").callers == ()


def _panel(
    service: str,
    *,
    measured: str = "",
    where: dict[str, str] | None = None,
    failing: tuple[ExampleTrace, ...] = (),
    breakdown: Breakdown | None = None,
) -> node_panel.NodePanel:
    node = next(node for node in SHOP.nodes if node.service == service)
    data = NodeData(measured or service, where or {}, failing, (EXAMPLE,), ("version",), breakdown)
    return node_panel.build(node, neighbours(SHOP, service), data)


@pytest.mark.parametrize(
    ("service", "label", "error"), [("pay", "Failing traces", "any"), ("sqlite", "Traces", None)]
)
def test_the_panel_links_to_failing_traces_where_there_are_errors(
    service: str, label: str, error: str | None
) -> None:
    panel = _panel(service)

    assert (panel.traces_label, panel.traces_error) == (label, error)


def test_failing_examples_go_before_the_newest() -> None:
    assert _panel("pay").examples_title == "Newest traces"
    assert _panel("pay", failing=(EXAMPLE,)).examples_title == "Failing examples"


def test_an_inferred_node_shows_its_caller_unless_an_attribute_names_it() -> None:
    guessed = _panel("provider", measured="pay")
    named = _panel("provider", measured="pay", where={"peer.service": "provider"})

    assert guessed.of_caller
    assert guessed.examples_title == "Newest traces of its caller"
    assert named.examples_title == "Newest traces"


def test_a_breakdown_of_a_scan_notes_how_much_was_read() -> None:
    values = (TagValue("v1", Measure(3, 1, 1)), TagValue("", Measure(2)))
    panel = _panel(
        "provider",
        measured="pay",
        where={"peer.service": "provider"},
        breakdown=Breakdown("version", values, 5, True),
    )

    assert panel.breakdown
    assert panel.breakdown.note == "from 5 requests, newest only"
    assert [row.value for row in panel.breakdown.rows] == ["v1", ""]
    assert panel.breakdown.rows[0].where == {"peer.service": "provider", "version": "v1"}
    kept = _panel("pay", breakdown=Breakdown("version", values))
    assert kept.breakdown
    assert kept.breakdown.note == ""
