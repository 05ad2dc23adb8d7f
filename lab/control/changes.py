"""Performs actions on a running lab: the class's file, the flag file, the load, and deployment events."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import incidents
from classroom import (
    ALL_SEATS,
    EXAM,
    EXPLANATION,
    GAME_DAY,
    ClassStore,
    Deployment,
    Exam,
    Mark,
    MarkKind,
    Schedule,
    exam,
    forget_hidden_deployments,
    hidden_deployments,
    hide_deployments,
    keep_exam,
    keep_schedule,
    schedule,
)
from incidents import Incident, Release
from lab.control import exam_choice, gameday_file, plan_conflicts
from lab.control.action_request import ActionRequest
from lab.control.deployment_events import DeploymentEvents
from lab.control.settings import Settings
from lab.control.wording import known_repairs, listed, step_of, title_of, whom
from lab.errors import UsageError
from lab.state import flag_file, locust, runfile, seat_file


class Changes:
    """Performs one action at a time; each is written to the class's log of actions."""

    def __init__(self, store: ClassStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._events = DeploymentEvents(settings.otlp_url, settings.environment)
        self._lock = threading.Lock()
        self.schedule_lock = threading.Lock()
        """Held while the class's schedule is read and written."""

    def perform(self, request: ActionRequest) -> str:
        """Perform an action; returns one sentence saying what was done. Raises LabError or ClassError."""
        act: Mapping[str, Callable[[ActionRequest, int], str]] = {
            "incident": self._incident,
            "release": self._release,
            "rollback": self._rollback,
            "repair": self._repair,
            "break": self._break,
            "reset": self._reset,
            "jump": self._jump,
            "explain": self._explain,
            "broadcast": self._broadcast,
            "load": self._load,
            "lock": self._lock_explanations,
            "free": self._free,
            "joining": self._joining,
            "gameday": self._gameday,
            "gameday-stop": self._gameday_stop,
            "exam": self._exam,
            "exam-end": self._exam_end,
        }
        with self._lock:
            now = time.time_ns()
            done = act[request.action](request, now)
            self._store.log(
                request.action,
                done,
                actor=request.actor,
                seats=(ALL_SEATS,) if request.seats is None else request.seats,
                at_unix_nano=now,
            )
        return done

    # -- faults -------------------------------------------------------------------------------

    def _incident(self, request: ActionRequest, now: int) -> str:
        incident = flag_file.find(request.name)
        ended = self._end_exam_in_the_way(request, request.seats, now)
        dropped = self._begin(incident, request, now)
        self._write_flags()
        self._announce(Deployment(now, "incident"), request)
        return f"{ended}The incident {incident.name} begins for {self._whom(request)}.{dropped}"

    def _end_exam_in_the_way(self, request: ActionRequest, seats: Sequence[str] | None, now: int) -> str:
        """Ask before an exam of these seats loses its mystery; end it where that was confirmed.

        Returns a sentence on it, or nothing. What a plan does by itself was asked for when it began.
        """
        sat = exam(self._store)
        if request.plan or sat is None or not plan_conflicts.sits_exam(sat, seats):
            return ""
        if not request.replace:
            raise plan_conflicts.exam_in_the_way(sat, now, request.action)
        return f"The exam before it is over: it was {self._end_exam(now)}. "

    def _begin(self, incident: Incident, request: ActionRequest, now: int) -> str:
        """Begin an incident; returns a sentence on a schedule that is void by it, or nothing."""
        if request.seats is not None:
            self._store.give_incident(request.seats, incident.name, now, known=request.plan != EXAM)
            return ""
        self._store.begin_incident(incident.name, now, known=request.plan != EXAM)
        self._note_running(incident)
        return "" if request.plan else self._drop_open_schedule()

    def _drop_open_schedule(self) -> str:
        """A schedule that is no secret (`--healthy-first`) is void once an incident began by hand."""
        with self.schedule_lock:
            plan = schedule(self._store)
            if plan is None or plan.secret or plan.is_over:
                return ""
            keep_schedule(self._store, None)
        return f" The schedule {plan.title} is void."

    def _release(self, request: ActionRequest, now: int) -> str:
        incident = flag_file.find(request.name)
        release = incident.release
        if release is None:
            known = [name for name, each in incidents.load_all()[0].items() if each.release]
            raise UsageError(f"{incident.name} has nothing to release.", f"Use one of: {', '.join(known)}.")
        dropped, reached = "", request
        ended = self._end_exam_in_the_way(request, request.seats, now)
        if request.seats is None and self._store.facts().incident != incident.name:
            dropped = self._begin(incident, request, now)
        else:
            reached = self._release_for_seats(incident, release, request, now)
        self._write_flags()
        title = f"Release {release.version}"
        self._announce(Deployment(now, "release", title=title, version=release.version), reached)
        return f"{ended}{release.version} is released for {self._whom(reached)}.{dropped}"

    def _release_for_seats(
        self, incident: Incident, release: Release, request: ActionRequest, now: int
    ) -> ActionRequest:
        """Release for those who have another incident or rolled it back; returns the request for them."""
        chosen = self._chosen(request)
        faults = [self._store.fault(seat) for seat in chosen]
        new = [fault.seat for fault in faults if fault.incident != incident.name]
        back = [fault.seat for fault in faults if release.repair in fault.repaired and fault.seat not in new]
        if not new and not back:
            raise UsageError(
                f"{release.version} runs already for {self._whom(request)}.",
                f"Roll back to {release.before} first.",
            )
        self._store.give_incident(new, incident.name, now)
        self._store.break_again(back, (release.repair,))
        return self._for(request, chosen, (*new, *back))

    def _rollback(self, request: ActionRequest, now: int) -> str:
        rolled: list[tuple[str, ActionRequest]] = []
        for seats, incident in self._by_incident(request):
            release = incident.release
            if release is None:
                continue
            running = [seat for seat in seats if release.repair not in self._store.fault(seat).repaired]
            if not running:
                continue
            self._store.repair(running, (release.repair,), now)
            reached = self._for(request, self._chosen(request), running)
            title = title_of(incident, release.repair)
            self._announce(Deployment(now, "repair", release.repair, title, version=release.before), reached)
            rolled.append((release.before, reached))
        if not rolled:
            raise UsageError(
                f"Nothing that was released runs for {self._whom(request)}.", "Release it first."
            )
        self._write_flags()
        return " ".join(f"Rolled back to {before} for {self._whom(reached)}." for before, reached in rolled)

    def _whom(self, request: ActionRequest) -> str:
        return whom(request.seats, {seat.slug: seat.name for seat in self._store.seats()})

    @staticmethod
    def _for(request: ActionRequest, chosen: Sequence[str], reached: Sequence[str]) -> ActionRequest:
        """The request as it came where it reaches all of its seats, else for those that it reaches."""
        return request if {*chosen} == {*reached} else replace(request, seats=tuple(reached))

    def _repair(self, request: ActionRequest, now: int) -> str:
        for seats, incident in self._by_incident(request):
            names = known_repairs(incident, request.repairs)
            self._store.repair(seats, names, now)
            for name in names:
                event = Deployment(now, "repair", name, title_of(incident, name))
                self._announce(event, request, seats)
        self._write_flags()
        return f"{listed(request.repairs) or 'Everything'} is mended for {self._whom(request)}."

    def _break(self, request: ActionRequest, now: int) -> str:
        for seats, incident in self._by_incident(request):
            names = known_repairs(incident, request.repairs)
            self._store.break_again(seats, names)
            for name in names:
                event = Deployment(now, "break", name, f"Taken back: {title_of(incident, name)}")
                self._announce(event, request, seats)
        self._write_flags()
        return f"{listed(request.repairs) or 'Everything'} is broken again for {self._whom(request)}."

    def _reset(self, request: ActionRequest, now: int) -> str:
        chosen = self._chosen(request)
        ended = self._end_exam_in_the_way(request, chosen, now)
        self._store.reset(chosen, now)
        self._write_flags()
        return f"{ended}The lesson begins anew for {self._whom(request)}."

    def _by_incident(self, request: ActionRequest) -> list[tuple[tuple[str, ...], Incident]]:
        grouped: dict[str, list[str]] = {}
        for seat in self._chosen(request):
            grouped.setdefault(self._store.fault(seat).incident or incidents.DEFAULT, []).append(seat)
        return [(tuple(seats), flag_file.find(name)) for name, seats in grouped.items()]

    def _chosen(self, request: ActionRequest) -> tuple[str, ...]:
        if request.seats is not None:
            return request.seats
        every = {seat.slug for seat in self._store.seats()} | {mark.seat for mark in self._store.marks()}
        every |= {fault.seat for fault in self._store.faults()}
        if not every:
            raise UsageError("There is no seat yet.", "Name the seats, or wait until somebody joins.")
        return tuple(sorted(every))

    def _write_flags(self) -> None:
        flag_file.write_for_class(self._settings.flags_file, self._store)

    def _note_running(self, incident: Incident) -> None:
        run_dir = Path(self._settings.flags_file).parent
        running = runfile.read(run_dir)
        if running is not None:
            runfile.set_incident(run_dir, running, incident.name)

    def _announce(
        self, event: Deployment, request: ActionRequest, seats: Sequence[str] | None = None
    ) -> None:
        """Tell of an event: for all where the request is for all, else for `seats` or those it names."""
        chosen = request.seats if seats is None or request.seats is None else tuple(seats)
        deployments = [replace(event, seat=seat) for seat in (chosen if chosen is not None else (ALL_SEATS,))]
        if request.secret:
            # Not sent with a mark: logs are open to every student.
            hide_deployments(self._store, deployments, request.plan)
        else:
            self._events.send(deployments)

    def reveal(self, plan: str) -> None:
        """Announce to everybody what the instructor alone could see of one plan.

        What belongs to none is told as soon as nothing runs that could be guessed from it.
        """
        running, sitting = schedule(self._store), exam(self._store)
        quiet = (running is None or running.is_over) and (sitting is None or sitting.is_over)
        for each in (plan, "") if quiet else (plan,):
            hidden = hidden_deployments(self._store, each)
            if hidden:
                self._events.send(hidden)
                forget_hidden_deployments(self._store, each)

    # -- the rest -----------------------------------------------------------------------------

    def _jump(self, request: ActionRequest, now: int) -> str:
        led: dict[str, None] = {}
        for seats, incident in self._by_incident(request):
            led[step_of(incident, request.name)] = None
            for seat in seats:
                # Again to the same step is help again: since then it is counted.
                self._store.mark_again(Mark(seat, incident.name, request.name, MarkKind.JUMPED, now))
        who = "Every seat" if request.seats is None else self._whom(request)
        return f"{who} may go to {' or '.join(led)}."

    def _explain(self, request: ActionRequest, now: int) -> str:
        """Open the explanation for seats, whatever they answered."""
        if self._store.facts().locked:
            raise UsageError("Explanations are locked.", "Unlock them first.")
        sat, running = exam(self._store), schedule(self._store)
        if plan_conflicts.sits_exam(sat, request.seats):
            raise UsageError("An exam runs: an explanation would give it away.", "End the exam first.")
        if running is not None and running.secret and not running.is_over:
            raise UsageError("A game day runs: an explanation would give it away.", "Stop it first.")
        for seats, incident in self._by_incident(request):
            for seat in seats:
                self._store.mark(Mark(seat, incident.name, EXPLANATION, MarkKind.SHOWN, now))
        return f"The explanation is open for {self._whom(request)}."

    def _broadcast(self, request: ActionRequest, now: int) -> str:
        self._store.send((ALL_SEATS,) if request.seats is None else request.seats, request.text, now)
        return f"Sent to {self._whom(request)}: {request.text}"

    def _load(self, request: ActionRequest, now: int) -> str:
        if request.users > self._settings.most_users:
            raise UsageError(
                f"{request.users} simulated users are too many.", f"Use at most {self._settings.most_users}."
            )
        locust.change(self._settings.lab_status_file, request.users)
        if not request.users:
            return "Load stopped."
        return f"Load changed to {request.users} simulated users."

    def _lock_explanations(self, request: ActionRequest, now: int) -> str:
        self._store.set_locked(request.locked)
        return "Explanations are locked." if request.locked else "Explanations are unlocked."

    def _free(self, request: ActionRequest, now: int) -> str:
        on_roster = {seat.slug for seat in self._store.seats()}
        unknown = [seat for seat in request.seats or () if seat not in on_roster]
        if unknown:
            raise UsageError(f"There is no seat {unknown[0]} in this class.", "Choose one of its roster.")
        for seat in request.seats or ():
            self._store.free(seat)
        if self._settings.seat_generations_file:
            seat_file.write(self._settings.seat_generations_file, self._store)
        return f"Free again, with a new code: {self._whom(request)}."

    def _joining(self, request: ActionRequest, now: int) -> str:
        self._store.set_joining(request.open)
        if request.open:
            return "Joining is open: the code of the class gives free seats."
        return "Joining is closed: the code of the class gives no seat. Links and seat codes still hold."

    # -- over time ----------------------------------------------------------------------------

    def _gameday(self, request: ActionRequest, now: int) -> str:
        seed = secrets.randbelow(2**31) if request.seed is None else request.seed
        seats = [seat.slug for seat in self._store.seats()]
        plan = gameday_file.schedule_of(request.content, seed=seed, seats=seats, start_unix_nano=now)
        ended = self._make_way(plan, exam(self._store), request, now)
        with self.schedule_lock:
            keep_schedule(self._store, plan)
        return f"{ended}{plan.title} begins with {len(plan.actions)} changes (seed {seed})."

    def _gameday_stop(self, request: ActionRequest, now: int) -> str:
        with self.schedule_lock:
            stopped = schedule(self._store)
            keep_schedule(self._store, None)
        self.reveal(GAME_DAY)
        if stopped is None or stopped.is_over:
            return "No schedule ran."
        return "The schedule was stopped; what runs goes on."

    def _exam(self, request: ActionRequest, now: int) -> str:
        seed = secrets.randbelow(2**31) if request.seed is None else request.seed
        name = exam_choice.mystery(request.name, seed, *exam_choice.faults(self._store.incidents_had()))
        begun = Exam(name, seed, now, request.seats)
        ended = self._make_way(schedule(self._store), begun, request, now)
        self._incident(replace(request, action="incident", name=name, secret=True, plan=EXAM), now)
        keep_exam(self._store, begun)
        return f"{ended}The exam begins for {self._whom(request)} (seed {seed})."

    def _exam_end(self, request: ActionRequest, now: int) -> str:
        return f"The exam is over: it was {self._end_exam(now)}."

    def _end_exam(self, now: int) -> str:
        """End the exam; returns its mystery. Raises UsageError where none runs."""
        running = exam(self._store)
        if running is None or running.is_over:
            raise UsageError("No exam runs.", "Begin one with the action exam.")
        keep_exam(self._store, replace(running, ended_unix_nano=now))
        self._store.note_had(running.incident)
        self.reveal(EXAM)
        return running.incident

    def _make_way(self, plan: Schedule | None, sitting: Exam | None, request: ActionRequest, now: int) -> str:
        """End what runs in the way of a game day or an exam, where that was asked for.

        `plan` and `sitting` are the schedule and the exam that there would be. Returns sentences on what
        was ended. Raises Conflict.
        """
        begins = request.action
        running, sat = schedule(self._store), exam(self._store)
        meet = plan_conflicts.overlap(plan, sitting)
        stops = running is not None and not running.is_over and (begins == "gameday" or meet)
        ends = sat is not None and not sat.is_over and (begins == "exam" or meet)
        if not request.replace:
            if running is not None and stops:
                raise plan_conflicts.schedule_in_the_way(running, now, begins)
            if sat is not None and ends:
                raise plan_conflicts.exam_in_the_way(sat, now, begins)
        stopped = f"{self._gameday_stop(request, now)} " if stops else ""
        return stopped + (f"The exam before it is over: it was {self._end_exam(now)}. " if ends else "")
