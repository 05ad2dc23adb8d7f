"""The routes of the desk. Every one of them is for the instructor alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Blueprint, Response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

import incidents
from classroom import Action, ClassFacts, SeatFault, exam, exam_scores, schedule
from observer.components import seat_links
from observer.lookup import control, jump_notes
from observer.lookup.class_now import class_incident, seats_now, usable_incident
from observer.lookup.class_seats import ClassSeat
from observer.lookup.flag_states import Flags, Shopper
from observer.lookup.lab_status import Lab, lab_of
from observer.lookup.running_lab import flags_of, usable_incidents
from observer.request import context
from observer.request.desk_session import csrf_token, desk_only
from observer.request.errors import Conflict, Malformed, Unknown
from observer.request.links import address
from observer.request.page_request import zone
from observer.request.reachable_addresses import neighbours
from observer.request.responses import redirect_within
from observer.screens.desk import action_form, choices, flag_rows, plans, results, seat_view, sheet, view
from runtime import seats

blueprint = Blueprint("desk", __name__)

DESK = "/desk"
_LOGGED = 5
"""Actions shown on the desk."""
_EXAM_FOR = "exam-for"
"""The button that leads to the form of an exam for some seats."""
_JUST_NOW_NS = 30 * 10**9


@blueprint.get("/instructor")
def instructor() -> AnyResponse:
    """The page's former address."""
    return redirect_within(DESK, 301)


@blueprint.get(DESK)
@desk_only
def desk() -> str:
    """Every seat of the class, and what can be done."""
    return _desk()


def _desk(*, schedule_text: str = plans.EXAMPLE, plan_problem: str = "", problem: str = "") -> str:
    """The desk; with what was refused of the form that was sent, whose texts are kept."""
    return render_template(
        "desk/desk.html",
        desk=_page(),
        **_headline(_plans()),
        example=schedule_text,
        plan_problem=plan_problem,
        problem=problem,
        typed=request.form.get("text", ""),
        lab=_lab(),
        choices=_choices(class_incident(context.class_file(), context.settings())),
        csrf_token=csrf_token(),
        done=_done(),
        notes=_notes(),
        malformed=usable_incidents()[1],
        live_address=f"{DESK}/live",
        plans_address=f"{DESK}/plans",
    )


@blueprint.get(f"{DESK}/live")
@desk_only
def live() -> str:
    """The part of the desk that is kept up to date."""
    return render_template("desk/_live.html", desk=_page(), live_address=f"{DESK}/live")


@blueprint.get(f"{DESK}/plans")
@desk_only
def plans_now() -> str:
    """The game day and the exam, which are kept up to date beside the seats."""
    return render_template("desk/_plans.html", plans=_plans(), plans_address=f"{DESK}/plans")


@blueprint.get(f"{DESK}/headline")
@desk_only
def headline_now() -> str:
    """What everybody has, which is kept up to date like what runs."""
    return render_template("desk/_headline.html", **_headline(_plans()))


def _headline(found: plans.PlansPage) -> dict[str, object]:
    return {
        "plans": found,
        "facts": _facts(),
        "screens": neighbours().observer_url,
        "class_mode": context.class_store() is not None,
        "headline_address": f"{DESK}/headline",
    }


@blueprint.get(f"{DESK}/results.csv")
@desk_only
def results_csv() -> Response:
    """The seats as CSV."""
    return _file(results.csv_of(_seats()), "class-results.csv")


@blueprint.get(f"{DESK}/exam.csv")
@desk_only
def exam_csv() -> Response:
    """The scores of the exam that runs or ran last as CSV."""
    store = context.class_file()
    last = exam(store) if store else None
    if store is None or last is None:
        raise Unknown("There was no exam.", "Begin one at the desk.")
    return _file(results.scores_csv_of(exam_scores(store, last)), "exam-results.csv")


def _file(text: str, name: str) -> Response:
    answer = Response(text, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@blueprint.get(f"{DESK}/sheet")
@desk_only
def printed_sheet() -> str:
    """The sheet to print."""
    store, screens = context.class_store(), neighbours().observer_url
    names, refused = seat_links.names_in(request.args.get("names", ""))
    found = sheet.build(store.facts(), store.seats(), screens) if store else sheet.of_names(names, screens)
    return render_template(
        "desk/sheet.html",
        sheet=found,
        name_lines="\n".join((*names, *refused)),
        refused=refused,
        seat_rule=seat_links.RULE,
    )


@blueprint.get(f"{DESK}/flags")
@desk_only
def flags() -> str:
    """The flags that the shop's processes use for whoever has no seat."""
    faults, incident = _faults()
    found = flags_of(_lab(), flag_rows.shoppers_of("", faults, incident))
    return render_template(
        "desk/flags.html", **_flags_shown(found), left_out=flag_rows.left_out(faults, incident)
    )


def _flags_shown(found: Mapping[Shopper, Flags]) -> dict[str, object]:
    of_page = next(iter(found.values()))
    return {"flags": flag_rows.flag_rows(found), "unanswered": ", ".join(of_page.unanswered)}


def _faults() -> tuple[tuple[SeatFault, ...], str]:
    """The seats with a state of their own, and the incident of everybody else."""
    store = context.class_file()
    return store.faults() if store else (), class_incident(store, context.settings())


@blueprint.get(f"{DESK}/seats/<path:slug>")
@desk_only
def seat(slug: str) -> str:
    """One seat: its steps, answers, repairs and flags, and what can be done for it."""
    lab = _lab()
    row = next((each for each in _seats() if each.seat == slug), None)
    if row is None:
        raise Unknown(f"There is no seat {slug[: seats.LONGEST]} in this class.", "Choose one at the desk.")
    now, store, roster = context.now_unix_nano(), context.class_file(), context.class_store()
    place = roster.seat(slug) if roster else None
    page = None
    if store:
        page = seat_view.build(
            usable_incident(row.incident),
            store.fault(slug),
            store.marks(slug),
            store.answers(slug),
            {name: found.title for name, found in usable_incidents()[0].items()},
        )
    found = flags_of(lab, flag_rows.shoppers_of(slug, (), ""))
    return render_template(
        "desk/seat.html",
        row=view.seat_row(row, now, zone()),
        seat=row,
        page=page,
        slip=sheet.slip(place, neighbours().observer_url) if place else None,
        **_flags_shown(found),
        choices=_choices(row.incident),
        class_mode=roster is not None,
        csrf_token=csrf_token(),
        done=_done(),
        notes=_notes(),
    )


@blueprint.get(f"{DESK}/actions")
@desk_only
def after_an_action() -> AnyResponse:
    """The address of the forms, loaded anew, or led back to by a link of a page that refused one."""
    return redirect_within(DESK, 303)


@blueprint.post(f"{DESK}/actions")
@desk_only
def act() -> AnyResponse | str | tuple[str, int]:
    """Perform an action, by the same way as the API, and lead back to where its button was.

    The page of the form shows why it was refused: what was typed there must not be lost. Of a game day or an
    exam that would end something else it asks whether it shall.
    """
    try:
        return _exam_page() if request.form.get("action") == _EXAM_FOR else _act()
    except Conflict as conflict:
        fields = [(action_form.REPLACE, "1"), *request.form.items(multi=True)]
        return _ask(f"{conflict.message} Shall it end?", fields, conflict.remedy)
    except Malformed as refused:
        if _back() != DESK:
            raise
        refusal = f"{refused.message} {refused.remedy}"
        if request.form.get("action") == "gameday":
            return _desk(schedule_text=request.form.get("content", ""), plan_problem=refusal), 400
        return _desk(problem=refusal), 400


def _act() -> AnyResponse | str:
    action = action_form.action_of(request.form)
    question = action_form.question_of(action)
    if question and not request.form.get(action_form.CONFIRMED):
        return _ask(question, list(request.form.items(multi=True)))
    control.perform(context.settings(), action)
    return redirect_within(address(_back(), {"acted": "1"}), 303)


def _ask(question: str, fields: Sequence[tuple[str, str]], note: str = "") -> str:
    return render_template("desk/confirm.html", question=question, note=note, fields=fields, back=_back())


def _exam_page() -> str:
    """Begins an exam for the seats that are chosen: a page of its own, so that Enter begins it."""
    chosen = action_form.seats_of(request.form)
    return render_template(
        "desk/exam.html",
        seats=[] if chosen == action_form.ALL else list(chosen),
        choices=_choices(class_incident(context.class_file(), context.settings())),
        csrf_token=csrf_token(),
    )


def _back() -> str:
    slug = request.form.get("back", "")
    return f"{DESK}/seats/{slug}" if slug and seats.name_or_empty(slug) == slug else DESK


def _lab() -> Lab:
    return lab_of(context.settings(), request.headers.get("Host", ""))


def _facts() -> ClassFacts | None:
    store = context.class_file()
    return store.facts() if store else None


def _seats() -> tuple[ClassSeat, ...]:
    return seats_now(context.class_file(), context.reader(), context.settings(), context.now_unix_nano())


def _page() -> view.DeskPage:
    store, incident = context.class_file(), class_incident(context.class_file(), context.settings())
    return view.build(
        _seats(),
        incident,
        usable_incident(incident),
        store.actions(_LOGGED) if store else (),
        context.now_unix_nano(),
        zone(),
    )


def _plans() -> plans.PlansPage:
    store, now = context.class_file(), context.now_unix_nano()
    last = exam(store) if store else None
    return plans.build(
        store.faults() if store else (),
        class_incident(store, context.settings()),
        schedule(store) if store else None,
        last,
        exam_scores(store, last) if store and last else (),
        usable_incidents()[0],
        now,
        roster=_roster(),
    )


def _roster() -> frozenset[str] | None:
    """The seats of a class; None in open mode."""
    store = context.class_store()
    return frozenset(seat.slug for seat in store.seats()) if store else None


def _choices(incident: str) -> choices.Choices:
    """What the forms offer where this incident runs."""
    store = context.class_file()
    plan = schedule(store) if store else None
    return choices.build(
        incident,
        usable_incidents()[0],
        [(name, found.title) for name, found in incidents.load_all()[0].items()],
        next((each.incident for each in plan.coming if each.incident), "") if plan else "",
    )


def _done() -> str:
    """What the action that led here did; empty where none did a moment ago."""
    newest = _newest_action()
    return newest.detail if newest else ""


def _notes() -> tuple[str, ...]:
    """What to know of the action that led here."""
    newest = _newest_action()
    if newest is None or newest.action != jump_notes.JUMP:
        return ()
    return jump_notes.notes(_seats(), newest.seats.split(",") if newest.seats else None)


def _newest_action() -> Action | None:
    store = context.class_file()
    newest = store.actions(1) if store and request.args.get("acted") == "1" else ()
    recent = [a for a in newest if context.now_unix_nano() - a.at_unix_nano < _JUST_NOW_NS]
    return recent[0] if recent else None
