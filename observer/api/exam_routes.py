"""The API's routes of the exam: the same for people and for programs.

A seat sees whether it sits an exam, what is asked and how it answered; the desk sees the mystery and the
scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import incidents
from classroom import Answer, ClassStore, Exam, exam, exam_scores
from incidents.answers import Answer as Given
from incidents.model import FaultKind
from observer import serializers
from observer.api.routing import post_route, route
from observer.api.schemas import COMPONENTS, boolean, list_of, record, ref, text, whole
from observer.lookup import answer_judgement
from observer.lookup.api_client import api_client
from observer.request import context
from observer.request.desk_session import is_desk
from observer.request.errors import Forbidden, Malformed, TooManyAttempts, Unknown
from observer.request.parameters import Query
from observer.request.reader_seat import reader_seat
from observer.request.same_origin import refuse_cross_site
from runtime import seats

_OWN_SCORE = {
    **COMPONENTS["ExamScore"],
    "type": ["object", "null"],
    "description": "of the reader's seat, after the end; else null",
}


@route(
    "/exam",
    record(
        {
            "running": boolean("for the reader's seat, or for any seat where the desk asks"),
            "started_unix_nano": whole("null without an exam", null=True),
            "ended_unix_nano": whole("null while it runs", null=True),
            "ask": text("what to find out; empty where no exam runs"),
            "kinds": list_of(record({"name": text(), "title": text()}), "the kinds of fault to choose from"),
            "answers": list_of(ref("ExamAnswer"), "of the reader's seat, oldest first"),
            "incident": text("the mystery: for the desk, and for everybody after the end", null=True),
            "seed": whole("null where the incident is", null=True),
            "score": _OWN_SCORE,
            "results": list_of(ref("ExamScore"), "for the desk, the best first"),
        }
    ),
    tag="exam",
)
def exam_state(_query: Query) -> serializers.Plain:
    """The exam that runs or ran last: what is asked; after the end one's own score; for the desk all scores.

    While it runs an answer says how many of its parts are right, not which; its page says the same.
    """
    store = context.class_file()
    last = exam(store) if store else None
    desk, seat = is_desk(), reader_seat().slug
    over = last is not None and last.ended_unix_nano is not None
    running = last is not None and not over and (desk or last.is_sat_by(seat))
    revealed = last is not None and (desk or over)
    return {
        "running": running,
        "started_unix_nano": last.started_unix_nano if last else None,
        "ended_unix_nano": last.ended_unix_nano if last else None,
        "ask": _ASK if running else "",
        "kinds": [{"name": kind.value, "title": kind.title} for kind in FaultKind],
        "answers": [_answer(each, with_parts=not running) for each in _answers(store, last, seat)],
        "incident": last.incident if last and revealed else None,
        "seed": last.seed if last and revealed else None,
        "score": _own_score(store, last, seat) if over else None,
        "results": [asdict(score) for score in exam_scores(store, last)] if store and last and desk else [],
    }


@post_route(
    "/exam/answer",
    record(
        {
            "parts_right": whole("how many parts were right; which is said after the end"),
            "parts": whole("how many parts there are"),
            "complete": boolean("whether every part was right"),
            "answers": whole("how many answers the seat has given; each try counts in the score"),
            "problems": list_of(text(), "what could not be judged, and why"),
        }
    ),
    body=record(
        {
            "service": text("the service at fault"),
            "tag": text("the version or tag that tells, as `key=value`; empty where none does"),
            "kind": text("the kind of fault, by its name or title"),
            "evidence": text("the id or address of a trace or a log line of this incident"),
            "seat": text("open mode only: who answers; in a class it is the seat of the cookie"),
        }
    ),
    tag="exam",
)
def exam_answer(body: Mapping[str, object]) -> serializers.Plain:
    """Answer the exam for the reader's seat."""
    refuse_cross_site()
    store, seat = context.class_file(), _seat(body)
    last = exam(store) if store else None
    if store is None or last is None or not last.is_sat_by(seat):
        raise Unknown("No exam runs for this seat.", "Wait until the instructor begins one.")
    if store.fault(seat).incident != last.incident:
        raise Unknown("The instructor gave this seat another incident.", "Ask the instructor.")
    now = context.now_unix_nano()
    wait_s = answer_judgement.wait_s(_answers(store, last, seat), now)
    if wait_s:
        raise TooManyAttempts(f"{answer_judgement.MOST_A_MINUTE} answers a minute are read.", wait_s)
    given = Given(
        _text(body, "service"),
        _text(body, "tag"),
        _text(body, "kind"),
        answer_judgement.evidence_id(_text(body, "evidence")),
    )
    incident = incidents.load(last.incident)
    judged = answer_judgement.judged(store.fault(seat), incident, given, api_client(), now)
    store.answer(judged.answer)
    return {
        "parts_right": answer_judgement.parts_right(judged.answer),
        "parts": len(answer_judgement.PARTS),
        "complete": judged.answer.complete,
        "answers": len(_answers(store, last, seat)),
        "problems": list(judged.problems),
    }


_ASK = (
    "Something is wrong in the shop. Which service is at fault, which version or tag tells it apart, what "
    "kind of fault is it, and which trace or log line proves it?"
)


def _answers(store: ClassStore | None, last: Exam | None, seat: str) -> tuple[Answer, ...]:
    if store is None or last is None or not seat:
        return ()
    return tuple(
        answer
        for answer in store.answers(seat)
        if answer.incident == last.incident and answer.at_unix_nano >= last.started_unix_nano
    )


def _own_score(store: ClassStore | None, last: Exam | None, seat: str) -> serializers.Plain | None:
    """The score of a seat that sat the exam; None for any other."""
    if store is None or last is None or not seat or not last.is_for(seat):
        return None
    return next((asdict(score) for score in exam_scores(store, last) if score.seat == seat), None)


def _answer(answer: Answer, *, with_parts: bool) -> serializers.Plain:
    return {
        "at_unix_nano": answer.at_unix_nano,
        "service": answer.service,
        "tag": answer.tag,
        "kind": answer.kind,
        "evidence": answer.evidence,
        "parts_right": answer_judgement.parts_right(answer),
        "right": sorted(answer.right) if with_parts else [],
        "complete": answer.complete,
    }


def _seat(body: Mapping[str, object]) -> str:
    own, named = reader_seat().slug, _text(body, "seat")
    if context.settings().class_mode:
        if named and seats.name_or_empty(named) != own:
            raise Forbidden("A seat acts for itself only.", "Open the link of your own seat.")
        named = own
    slug = seats.name_or_empty(named or own)
    if not slug:
        raise Malformed("You have no seat.", 'Open the link of your seat; in an open lab, send "seat".')
    return slug


def _text(body: Mapping[str, object], name: str) -> str:
    found = body.get(name, "")
    if not isinstance(found, str):
        raise Malformed(f"{name} is not a text.", 'Send {"service": "...", "tag": "...", ...}.')
    return found
