"""What of a lesson a seat has done: whether the telemetry of each step is there, and was opened. Pure.

A step is done when both hold, a step in the shop when its telemetry is there. What was read or understood is
never claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from classroom import MarkKind
from observer.screens.workshop.progress import Progress, StepView
from observer.screens.workshop.seat_lesson import Marks, SeatLesson


@dataclass(frozen=True, slots=True)
class StepStatus:
    """One step, and what the seat did of it."""

    view: StepView
    arrived: bool
    """Its telemetry is there, or was once since the incident began."""
    opened: bool
    """The seat opened its page; never true of a step in the shop, which needs no opening."""
    skipped: bool
    """The instructor led the seat past it."""

    @property
    def done(self) -> bool:
        """Whether nothing of the step is left to do."""
        return self.arrived and (self.opened or self.view.in_shop)

    @property
    def open(self) -> bool:
        """Whether the step is still to be done."""
        return not self.done and not self.skipped


@dataclass(frozen=True, slots=True)
class LessonStatus:
    """The steps of a lesson, and the first that is still to be done."""

    steps: tuple[StepStatus, ...]
    current: int | None
    """Its index; None when the whole lesson is done."""

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(step.done for step in self.steps)

    @property
    def arrived(self) -> int:
        """Of how many steps the telemetry is there."""
        return sum(step.arrived for step in self.steps)


def status_of(lesson: SeatLesson, found: Progress) -> LessonStatus:
    """The state of a seat's lesson from its marks and an evaluation."""
    led_to = _led_to(found.steps, lesson.marks)
    steps = []
    for index, view in enumerate(found.steps):
        name = view.step.name
        arrived = view.state == "arrived" or (name, MarkKind.ARRIVED) in lesson.marks
        opened = not view.in_shop and (name, MarkKind.OPENED) in lesson.marks
        done = arrived and (opened or view.in_shop)
        steps.append(StepStatus(view, arrived, opened, skipped=index < led_to and not done))
    current = next((index for index, step in enumerate(steps) if step.open), None)
    return LessonStatus(tuple(steps), current)


def _led_to(steps: Sequence[StepView], marks: Marks) -> int:
    """The index of the step to which the instructor led the seat last; 0 where that did not happen."""
    jumps = {step: at for (step, kind), at in marks.items() if kind is MarkKind.JUMPED}
    newest = max(jumps, key=lambda step: jumps[step], default=None)
    return next((index for index, view in enumerate(steps) if view.step.name == newest), 0)
