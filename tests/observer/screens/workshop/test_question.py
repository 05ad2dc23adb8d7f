"""The question at the end: what is right of an answer, what is kept of it, when the explanation is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import incidents
from classroom import Mark, MarkKind
from observer.lookup.answer_judgement import MOST_A_MINUTE
from tests.fixtures import seed
from tests.fixtures.html import attribute, one, text
from tests.fixtures.world import S
from tests.observer.screens.workshop.guide import (
    ANNA,
    BEN,
    INCIDENT,
    TRACE_OF_BEN,
    Guide,
    guided,
    page,
    post,
)

RIGHT = {
    "service": "paymentservice",
    "tag": "version=v350.10",
    "kind": "configuration",
    "evidence": seed.TRACE,
}
HEADLINE = incidents.load(INCIDENT).headline
LAST = incidents.load(INCIDENT).steps[-1].name


@pytest.fixture
def guide(tmp_path: Path) -> Iterator[Guide]:
    with guided(tmp_path) as found:
        yield found


def answered(client: FlaskClient, **form: str) -> str:
    """The verdict on an answer, which differs from the right one in these fields."""
    answer = post(client, "answer", None, **{**RIGHT, **form})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/workshop#question")
    return text(one(page(client), "#verdict"))


def test_a_complete_answer_opens_the_explanation(guide: Guide) -> None:
    anna = guide.browser(ANNA)
    before = page(anna)
    assert not before.css("#explanation, #verdict")
    assert "opens when every part of your answer is right" in text(before)

    verdict = answered(anna)

    assert verdict.startswith("That is it.")
    assert verdict.count("right") == 4
    assert HEADLINE in text(one(page(anna), "#explanation"))
    kept = guide.kept.answers(ANNA)[-1]
    assert kept.complete
    assert kept.right == {"service", "tag", "kind", "evidence"}
    assert not page(guide.browser(BEN)).css("#explanation"), "of another seat nothing is said"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"service": "checkoutservice"}, "Service: not yet ( checkoutservice )"),
        ({"tag": "v350.9"}, "Version or tag: not yet ( v350.9 )"),
        ({"kind": "network"}, "Kind of fault: not yet ( The network between two services )"),
        ({"evidence": "0" * 32}, "No trace or log has this id."),
        ({"evidence": seed.ORDER_TRACE}, "Evidence: not yet"),
        ({"evidence": ""}, "as evidence."),
        ({"service": ""}, "Name a service."),
    ],
)
def test_the_page_says_which_part_is_not_right_yet(guide: Guide, wrong: dict[str, str], says: str) -> None:
    """And keeps the explanation closed; the fields keep what was typed."""
    anna = guide.browser(ANNA)
    verdict = answered(anna, **wrong)

    assert verdict.startswith("3 of 4 parts are right.")
    assert says in verdict
    found = page(anna)
    assert not found.css("#explanation")
    assert HEADLINE not in text(found)
    name = next(iter(wrong))
    if name != "kind":
        assert attribute(one(found, f"[name={name}]"), "value") == wrong[name]
    assert not guide.kept.answers(ANNA)[-1].complete


def test_an_empty_form_is_no_answer(guide: Guide) -> None:
    """A slip of the finger costs nothing: neither at the desk, nor in an exam."""
    anna = guide.browser(ANNA)

    sent = post(anna, "answer", None, service=" ", tag="", kind="", evidence="\t")

    assert (sent.status_code, sent.headers["Location"]) == (303, "/workshop#question")
    assert not guide.kept.answers(ANNA)
    found = page(anna)
    assert not found.css("#verdict")
    assert "required" in one(found, "#answer-service").attributes


@pytest.mark.parametrize(
    "evidence",
    [
        f"http://127.0.0.1:8090/apm/traces/{seed.TRACE}?span={seed.CHARGE_SPAN}",
        f"/logs?trace_id={seed.TRACE}",
        f"  {seed.TRACE.upper()} ",
        TRACE_OF_BEN,
    ],
)
def test_a_whole_address_is_evidence_too(guide: Guide, evidence: str) -> None:
    """Any trace of the incident proves it, a neighbour's as well."""
    assert answered(guide.browser(ANNA), evidence=evidence).startswith("That is it.")


def test_a_log_line_is_evidence(guide: Guide) -> None:
    anna = guide.browser(ANNA)
    found = anna.get(f"/api/v1/logs?trace_id={seed.TRACE}&severity=error&service=paymentservice").get_json()
    log_id = found["logs"][0]["log_id"]

    assert answered(anna, evidence=f"http://h/logs?trace_id={seed.TRACE}&log={log_id}").startswith(
        "That is it"
    )


def test_evidence_from_before_the_incident_proves_nothing(guide: Guide) -> None:
    guide.kept.begin_incident(INCIDENT, guide.world.now_unix_nano - 1 * S)

    assert "Evidence: not yet" in answered(guide.browser(ANNA))


def test_what_a_student_types_is_text(guide: Guide) -> None:
    anna = guide.browser(ANNA)
    verdict = answered(anna, service="<script>alert(1)</script>", tag="x" * 5_000)

    assert "<script>alert(1)</script>" in verdict
    assert not page(anna).css("main script")
    assert len(guide.kept.answers(ANNA)[-1].tag) == 300


def test_only_a_few_answers_a_minute_are_read(guide: Guide) -> None:
    """Guessing is slower than looking. A neighbour does not wait."""
    anna = guide.browser(ANNA)
    for _ in range(MOST_A_MINUTE):
        assert post(anna, "answer", None, **RIGHT).status_code == 303

    refused = post(anna, "answer", None, **RIGHT)
    assert refused.status_code == 429
    assert "Wait 60 seconds, then try again." in refused.text
    assert len(guide.kept.answers(ANNA)) == MOST_A_MINUTE
    assert post(guide.browser(BEN), "answer", None, **RIGHT).status_code == 303


def test_locked_explanations_stay_closed_with_a_word_on_it(guide: Guide) -> None:
    anna = guide.browser(ANNA)
    guide.kept.set_locked(True)
    answered(anna)

    found = page(anna)
    assert not found.css("#explanation")
    assert "Your answer is complete. Your instructor keeps the explanation closed" in text(found)
    guide.kept.set_locked(False)
    assert HEADLINE in text(page(anna))


def test_whom_the_instructor_leads_to_the_end_reads_the_explanation(guide: Guide) -> None:
    guide.kept.mark(Mark(ANNA, INCIDENT, LAST, MarkKind.JUMPED, guide.world.now_unix_nano))

    assert HEADLINE in text(one(page(guide.browser(ANNA)), "#explanation"))


def test_in_a_class_nobody_opens_the_explanation_alone(guide: Guide) -> None:
    anna = guide.browser(ANNA)

    assert post(anna, "marks", step="explanation", kind="meaning").status_code == 403
    assert "without an answer" not in text(page(anna))
    assert not page(anna).css("#explanation")


def test_without_a_class_its_only_person_may_give_up(tmp_path: Path) -> None:
    """Who sits at the machine is the instructor, too; the desk shows that no answer was given."""
    with guided(tmp_path, class_mode=False) as guide:
        anna = guide.browser(ANNA)
        form = next(
            form for form in page(anna).css("#question form") if "explanation" in str(form.attributes)
        )
        answer = anna.post(attribute(form, "action"), data={"seat": ANNA})

        assert answer.headers["Location"] == "/workshop?seat=anna#question"
        assert HEADLINE in text(one(page(anna), "#explanation"))
        assert guide.kept.answers(ANNA) == ()


def test_who_has_no_seat_is_led_to_one(guide: Guide) -> None:
    found = page(guide.client)

    assert "Join the class to answer." in text(one(found, "#question"))
    assert not found.css("#question form")
