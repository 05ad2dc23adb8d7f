"""Judges an answer to the question of an incident: on the page of the lesson, and by the API of the exam."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from classroom import Answer, SeatFault
from incidents import Incident, answers
from incidents.checks import Ask
from incidents.model import IncidentQuestion

PARTS = ("service", "tag", "kind", "evidence")
MOST_A_MINUTE = 6
_MINUTE_NS = 60 * 10**9
_LONGEST = 300
_AROUND = " \t\r\n\"'`<>()[]{},;"
"""Characters that are easily copied together with an id."""
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_IN_PATH = re.compile(r"/(?:apm/traces|logs)/([0-9A-Za-z]+)")
_IN_QUERY = ("log", "trace_id")


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged answer, and sentences on what could not be judged."""

    answer: Answer
    problems: tuple[str, ...]


def evidence_id(text: str) -> str:
    """The id of a trace or a log in what somebody pasted: the id itself, a `traceparent`, or an address."""
    bare = text.strip(_AROUND)[:2_000]
    parent = _TRACEPARENT.fullmatch(bare.lower())
    if parent:
        return parent[1]
    if "/" not in bare and "=" not in bare:
        return bare
    try:
        parts = urlsplit(bare)
    except ValueError:
        return bare
    arguments = dict(parse_qsl(parts.query, max_num_fields=50)) if parts.query.count("&") < 50 else {}
    named = next((arguments[name] for name in _IN_QUERY if arguments.get(name)), "")
    in_path = _IN_PATH.search(parts.path)
    return named or (in_path[1] if in_path else bare)


def parts_asked(question: IncidentQuestion) -> tuple[str, ...]:
    """The parts of an answer that a question asks for."""
    return tuple(part for part in PARTS if part != "tag" or question.tags)


def exam_verdict(answer: Answer) -> str:
    """What an exam says of an answer while it runs: how many parts are right, not which."""
    return "That is it." if answer.complete else f"{parts_right(answer)} of {len(PARTS)} parts are right."


def parts_right(answer: Answer) -> int:
    """How many parts of an answer are right."""
    return len(answer.right.intersection(PARTS))


def judged(
    fault: SeatFault, incident: Incident, given: answers.Answer, ask: Ask, at_unix_nano: int
) -> Judged:
    """An answer of a seat to the question of its incident, and which of its parts are right."""
    question = incident.question
    found = answers.judge(question, given, ask, {"began": fault.began_unix_nano})
    answer = Answer(
        seat=fault.seat,
        incident=incident.name,
        at_unix_nano=at_unix_nano,
        service=given.service[:_LONGEST],
        tag=given.tag[:_LONGEST],
        kind=given.kind[:_LONGEST],
        evidence=given.evidence[:_LONGEST],
        # Where no tag tells, whatever was given is right: an exam asks for all parts.
        right=frozenset(part for part in PARTS if getattr(found, part)),
        complete=found.right,
    )
    return Judged(answer, found.problems)


def wait_s(earlier: tuple[Answer, ...], now_unix_nano: int) -> int:
    """How many whole seconds a seat must wait until its next answer is read; 0 where it need not."""
    recent = [each.at_unix_nano for each in earlier if 0 <= now_unix_nano - each.at_unix_nano < _MINUTE_NS]
    if len(recent) < MOST_A_MINUTE:
        return 0
    return -((now_unix_nano - min(recent[-MOST_A_MINUTE:]) - _MINUTE_NS) // 10**9)
