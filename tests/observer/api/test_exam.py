"""The exam by the API: the same for people and for programs, and closed to everybody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from classroom import Exam, keep_exam
from tests.fixtures import seed
from tests.fixtures.html import one, text
from tests.fixtures.world import S
from tests.observer.screens.workshop.guide import ANNA, BEN, INCIDENT, Guide, guided, page

RIGHT = {
    "service": " PaymentService ",
    "tag": "version=v350.10",
    "kind": "configuration",
    "evidence": f"/apm/traces/{seed.TRACE}",
}


@pytest.fixture
def guide(tmp_path: Path) -> Iterator[Guide]:
    with guided(tmp_path) as found:
        began = found.world.now_unix_nano - 600 * S
        found.kept.begin_incident(INCIDENT, began)
        keep_exam(found.kept, Exam(INCIDENT, 7, began, (ANNA,)))
        yield found


def answer(client: FlaskClient, **body: Any) -> tuple[int, dict[str, Any]]:
    found = client.post("/api/v1/exam/answer", json=body)
    return found.status_code, found.get_json()


def test_a_right_answer_is_complete_and_scored(guide: Guide) -> None:
    """And a wrong one says how many parts were right, and not which; as its page does."""
    anna = guide.browser(ANNA)
    status, wrong = answer(anna, **{**RIGHT, "service": "cartservice", "evidence": "0" * 32})
    assert (status, wrong["parts_right"], wrong["parts"], wrong["complete"]) == (200, 2, 4, False)
    assert not {"service", "tag", "kind"} & {*str(wrong).split("'")}
    assert "paymentservice" not in str(wrong)
    assert "2 of 4 parts are right." in text(one(page(anna), "#verdict"))
    status, right = answer(anna, **RIGHT)

    assert (status, right["complete"], right["answers"]) == (200, True, 2)
    state = anna.get("/api/v1/exam").get_json()
    assert state["running"]
    assert [each["complete"] for each in state["answers"]] == [False, True]
    assert [each["parts_right"] for each in state["answers"]] == [2, 4]
    assert [each["right"] for each in state["answers"]] == [[], []]
    assert state["score"] is None
    assert (state["incident"], state["seed"], state["results"]) == (None, None, [])
    assert INCIDENT not in str(state)


def test_who_does_not_sit_the_exam_cannot_answer(guide: Guide) -> None:
    """Another seat, nobody, a seat for another, and a page elsewhere."""
    assert answer(guide.browser(BEN), **RIGHT)[0] == 404
    assert answer(guide.browser(), **RIGHT)[0] == 400
    assert answer(guide.browser(BEN), **RIGHT, seat=ANNA)[0] == 403
    foreign = guide.browser(ANNA).post(
        "/api/v1/exam/answer", json=RIGHT, headers={"Origin": "http://evil.example"}
    )
    assert foreign.status_code == 403
    assert guide.kept.answers() == ()
    assert not guide.browser(BEN).get("/api/v1/exam").get_json()["running"]


def test_guessing_is_slowed_down(guide: Guide) -> None:
    anna = guide.browser(ANNA)
    statuses = [answer(anna, **{**RIGHT, "service": f"s{n}"})[0] for n in range(7)]

    assert statuses == [200] * 6 + [429]


def test_after_the_end_it_is_told_what_it_was(guide: Guide) -> None:
    """And no answer counts any more."""
    keep_exam(guide.kept, Exam(INCIDENT, 7, 1, (ANNA,), ended_unix_nano=2))
    state = guide.browser(BEN).get("/api/v1/exam").get_json()

    assert (state["running"], state["incident"], state["ask"]) == (False, INCIDENT, "")
    assert answer(guide.browser(ANNA), **RIGHT)[0] == 404


def test_after_the_end_a_seat_is_told_its_points_and_what_was_right(guide: Guide) -> None:
    """By the API and on its page alike; a seat that did not sit it, nothing."""
    anna = guide.browser(ANNA)
    answer(anna, **{**RIGHT, "kind": "network"})
    assert not page(anna).css("#exam-result")
    began = guide.world.now_unix_nano - 600 * S
    keep_exam(guide.kept, Exam(INCIDENT, 7, began, (ANNA,), ended_unix_nano=guide.world.now_unix_nano))
    state = anna.get("/api/v1/exam").get_json()
    assert state["answers"][0]["right"] == ["evidence", "service", "tag"]
    score = state["score"]
    assert (score["points"], score["kind"], score["service"], score["answers"]) == (60, False, True, 1)
    shown = text(one(page(anna), "#exam-result"))
    assert "60 points of 100" in shown
    assert "Kind of fault: not right" in shown
    assert "Service: right" in shown
    ben = guide.browser(BEN)
    assert ben.get("/api/v1/exam").get_json()["score"] is None
    assert not page(ben).css("#exam-result")
    # The next incident takes the answers from the lesson's page, not the points.
    guide.kept.begin_incident("none", guide.world.now_unix_nano)
    assert "60 points of 100" in text(one(page(anna), "#exam-result"))


@pytest.mark.parametrize("body", [{"service": 3}, {"seat": ["x"]}])
def test_a_malformed_answer_names_the_field(guide: Guide, body: dict[str, Any]) -> None:
    status, found = answer(guide.browser(ANNA), **body)

    assert status == 400
    assert next(iter(body)) in found["error"]["message"]
