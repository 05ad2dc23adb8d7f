"""The page of a lesson, and what its forms do: note an unfolded text, answer the question, repair."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request

from classroom import EXPLANATION, ClassStore, Mark, MarkKind, SeatFault, exam, exam_scores
from incidents.answers import Answer
from observer.components import seat_links
from observer.lookup import answer_judgement, control
from observer.lookup.api_client import api_client
from observer.lookup.lab_status import lab_of
from observer.lookup.running_lab import usable_incidents
from observer.request import context
from observer.request.errors import Forbidden, Malformed, Problem, TooManyAttempts
from observer.request.links import address
from observer.request.responses import redirect_within
from observer.screens.workshop import answering, view
from observer.screens.workshop.evaluation import evaluate
from observer.screens.workshop.reader import acting_seat
from observer.screens.workshop.seat_lesson import SeatLesson, lesson_of, running_lesson
from runtime.installation import COMMAND

blueprint = Blueprint("workshop", __name__)
_PAGE = "/workshop"
_HIDDEN = "This lesson is closed while the exam or the game day runs.", "Answer the question on its page."
_FOLDS = {kind.value: kind for kind in (MarkKind.EXPECTED, MarkKind.HINT, MarkKind.MEANING)}


class NotOffered(Problem):
    """These screens cannot make repairs."""

    status = 501
    code = "not_offered"


@blueprint.get(_PAGE)
def lesson() -> Response:
    """The lesson of a seat; 204 where nothing differs from the state that the reader's page shows."""
    seat = seat_links.page_seat()
    found = lesson_of(seat.slug, request.args.get("incident") or "")
    lab = lab_of(context.settings(), request.headers.get("Host", ""))
    shop_link = seat_links.shop_link(lab.shop, seat)
    usable, malformed = usable_incidents()
    page = view.build(
        found,
        evaluate(found),
        shop_link,
        usable,
        answering.answer_problems().of(found.answers[-1]) if found.answers else (),
        class_mode=seat.class_mode,
        watched=seat.watched,
        exam=_exam_result(seat.slug),
    )
    if request.args.get("state") == page.state:
        return Response(status=204)
    named = {"incident": found.incident.name if request.args.get("incident") else None, "seat": seat.argument}
    answer = make_response(
        render_template(
            "workshop/workshop.html",
            view=page,
            seat=seat,
            shop_link=shop_link,
            lab_shop=lab.shop,
            malformed=malformed,
            here_address=address(_PAGE, named),
            refresh_address=address(_PAGE, {**named, "state": page.state}),
        )
    )
    seat_links.keep(answer, seat)
    return answer


def _exam_result(seat: str) -> view.ExamResult | None:
    """How a seat did in the last exam, once it is over."""
    store = context.class_file()
    last = exam(store) if store and seat else None
    if store is None or last is None or not last.is_over or not last.is_for(seat):
        return None
    own = next((score for score in exam_scores(store, last) if score.seat == seat), None)
    found = usable_incidents()[0].get(last.incident)
    return view.exam_result(own, found.title if found else last.incident) if own else None


@blueprint.post(f"{_PAGE}/marks")
def note_unfolded() -> Response:
    """Note that a seat unfolded a text of a step; without a script a button asks for it."""
    seat = acting_seat()
    step, kind = request.values.get("step", ""), _FOLDS.get(request.values.get("kind", ""))
    found = _running(seat)
    if found.hidden_by:
        raise Forbidden(*_HIDDEN)
    end = step == EXPLANATION and kind is MarkKind.MEANING
    if kind is None or not (end or step in {each.name for each in found.incident.steps}):
        raise Malformed("There is no such text in the lesson.", "Load the page of the lesson again.")
    if end and context.settings().class_mode:
        raise Forbidden("The explanation opens by a complete answer.", "Answer the question of the lesson.")
    _mark(found, step, kind)
    if request.headers.get("HX-Request"):
        return Response(status=204)
    return _back(f"#{'question' if end else f'step-{step}'}")


@blueprint.post(f"{_PAGE}/answer")
def answer() -> Response:
    """Judge an answer, keep it, and show the lesson with what was right of it."""
    seat = acting_seat()
    found = _running(seat)
    now = context.now_unix_nano()
    wait_s = answer_judgement.wait_s(found.answers, now)
    if wait_s:
        raise TooManyAttempts(
            f"{answer_judgement.MOST_A_MINUTE} answers a minute are read: look at the screens, "
            "they know more.",
            wait_s,
        )
    form = request.form
    given = Answer(
        service=form.get("service", ""),
        tag=form.get("tag", ""),
        kind=form.get("kind", ""),
        evidence=answer_judgement.evidence_id(form.get("evidence", "")),
    )
    if not any(part.strip() for part in (given.service, given.tag, given.kind, given.evidence)):
        return _back("#question")  # a slip of the finger is no wrong answer
    judged = answer_judgement.judged(
        SeatFault(seat, found.incident.name, found.began_unix_nano), found.incident, given, api_client(), now
    )
    _store().answer(judged.answer)
    answering.answer_problems().keep(judged)
    return _back("#question")


@blueprint.get(f"{_PAGE}/answer")
def answer_again() -> Response:
    """The address of the form, loaded anew."""
    return redirect_within(f"{_PAGE}#question", 303)


@blueprint.post(f"{_PAGE}/repair")
def repair() -> Response:
    """Make a repair for the seat."""
    return _act("repair")


@blueprint.post(f"{_PAGE}/break")
def break_again() -> Response:
    """Take a repair of the seat back."""
    return _act("break")


def _act(action: str) -> Response:
    seat = acting_seat()
    if not context.settings().control_url:
        raise NotOffered("These screens cannot repair anything.", f"Start a lab with: {COMMAND} up")
    found = _running(seat)
    if found.hidden_by:
        raise Forbidden(*_HIDDEN)
    name = request.form.get("repair", "")
    if found.incident.repair(name) is None:
        raise Malformed("The lesson has no such repair.", "Load the page of the lesson again.")
    control.perform(
        context.settings(),
        {"action": action, "seats": [seat], "repairs": [name], "actor": f"seat {seat}"},
    )
    step = next((each.name for each in found.incident.steps if each.repair == name), "")
    return _back(f"#step-{step}" if step else "")


def _back(fragment: str) -> Response:
    seat = request.form.get("seat") if not context.settings().class_mode else None
    return redirect_within(address(_PAGE, {"seat": seat}) + fragment, 303)


def _running(seat: str) -> SeatLesson:
    found = running_lesson(seat)
    if found is None:
        raise NotOffered("Nothing of a lesson is kept here.", f"Start a lab with: {COMMAND} up")
    return found


def _store() -> ClassStore:
    found = context.class_file()
    assert found is not None, "a lesson that runs is kept"
    return found


def _mark(found: SeatLesson, step: str, kind: MarkKind) -> None:
    _store().mark(Mark(found.seat, found.incident.name, step, kind, context.now_unix_nano()))
