"""Formats a verification as text, JSON or JUnit XML. Pure functions."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from incidents.checks import Outcome

_WORDS = {
    Outcome.HOLDS: "ok",
    Outcome.BROKEN: "BROKEN",
    Outcome.NOT_REACHED: "-",
    Outcome.NOT_CHECKED: "-",
}
_PASSING = frozenset({Outcome.HOLDS, Outcome.NOT_CHECKED})


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one step; `title` says in words what holds, `detail` in one line what was found."""

    name: str
    title: str
    outcome: Outcome
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of one incident, or of the class: its name, its driver and every step."""

    name: str
    title: str
    driver: str
    seat: str
    shop: str
    seconds: float
    results: tuple[Step, ...]

    @property
    def passed(self) -> bool:
        """Whether every link holds that was checked."""
        return all(result.outcome in _PASSING for result in self.results)

    def of(self, outcome: Outcome) -> tuple[Step, ...]:
        """The steps with this outcome."""
        return tuple(result for result in self.results if result.outcome is outcome)


def as_text(verification: Verification) -> str:
    """A heading, one line per step, and a closing sentence."""
    width = max(len(result.name) for result in verification.results)
    head = f"{verification.name}: {verification.title}"
    lines = [head, f"  seat {verification.seat} at {verification.shop}, {verification.driver}"]
    lines += [f"  {_WORDS[r.outcome]:<7}{r.name:<{width + 2}}{_line(r)}" for r in verification.results]
    return "\n".join([*lines, closing(verification)])


def closing(verification: Verification) -> str:
    """One sentence: that every link holds, or which are broken."""
    took = f"{verification.seconds:.1f} s"
    broken = verification.of(Outcome.BROKEN)
    if verification.passed:
        unchecked = len(verification.of(Outcome.NOT_CHECKED))
        checked = f"{len(verification.results) - unchecked} steps" + f", {unchecked} not checked" * bool(
            unchecked
        )
        return f"{verification.name}: every link holds ({checked}, {took})."
    names = ", ".join(result.name for result in broken)
    unreached = len(verification.of(Outcome.NOT_REACHED))
    links = "1 link is" if len(broken) == 1 else f"{len(broken)} links are"
    return f"{verification.name}: {links} broken: {names} ({unreached} not reached, {took})."


def as_json(verifications: Sequence[Verification]) -> str:
    """The JSON document described in lab/verify/README.md."""
    document = {
        "passed": all(one.passed for one in verifications),
        "incidents": [
            {
                "name": one.name,
                "passed": one.passed,
                "steps": [
                    {
                        "name": result.name,
                        "passed": result.outcome is Outcome.HOLDS,
                        "detail": result.detail,
                        "seconds": round(result.seconds, 3),
                    }
                    for result in one.results
                ],
            }
            for one in verifications
        ],
    }
    return json.dumps(document, indent=2)


def as_junit(verifications: Iterable[Verification]) -> str:
    """One test suite per incident, one case per step; a step that was not reached counts as skipped."""
    root = ET.Element("testsuites", name="lab verify")
    for one in verifications:
        suite = ET.SubElement(
            root,
            "testsuite",
            name=one.name,
            tests=str(len(one.results)),
            failures=str(len(one.of(Outcome.BROKEN))),
            skipped=str(len(one.of(Outcome.NOT_REACHED) + one.of(Outcome.NOT_CHECKED))),
            errors="0",
            time=f"{one.seconds:.3f}",
        )
        for result in one.results:
            case = ET.SubElement(
                suite,
                "testcase",
                classname=f"verify.{one.name}",
                name=result.name,
                time=f"{result.seconds:.3f}",
            )
            if result.outcome is Outcome.BROKEN:
                ET.SubElement(case, "failure", message=result.detail)
            elif result.outcome is not Outcome.HOLDS:
                ET.SubElement(case, "skipped", message=result.detail)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


def _line(result: Step) -> str:
    return f"{result.title} ({result.seconds:.1f} s)" if result.outcome is Outcome.HOLDS else result.detail
