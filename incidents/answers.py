"""Judges an answer to an incident's question. Pure apart from the injected `Ask`.

Answers are hostile text: they are compared and looked up, never interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from incidents.checks import Ask, NoAnswer, fitting_evidence
from incidents.json_paths import Unfilled, filled_path
from incidents.model import Evidence, FaultKind, IncidentQuestion, Source

LONGEST_ID = 64
"""More characters than any trace or log id has."""
FROM_THE_BEGINNING: Mapping[str, int] = MappingProxyType({"began": 0})
_ID = re.compile(r"[0-9A-Za-z_-]+")
_TRACE_ID = re.compile(r"[0-9a-fA-F]{16}|[0-9a-fA-F]{32}")
_SEPARATOR = re.compile(r"\s*[=:]\s*")
_WORD_BREAKS = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answers: a service, a tag, the kind of fault by name or title, a trace or log id."""

    service: str
    tag: str
    kind: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """Which parts of an answer are right. `problems` says in sentences what could not be judged, and why.

    The problems never name the right answer. Where no tag tells, `tag` is true whatever was given.
    """

    service: bool
    tag: bool
    kind: bool
    evidence: bool
    problems: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether every part is right."""
        return self.service and self.tag and self.kind and self.evidence


def judge(
    question: IncidentQuestion, answer: Answer, ask: Ask, given: Mapping[str, Any] = FROM_THE_BEGINNING
) -> Judgement:
    """Return which parts of the answer are right, whatever their case, blanks and, in a service, hyphens.

    `given` holds `began`: since when evidence counts, in nanoseconds since the Unix epoch.
    """
    problems = []
    if not answer.service.strip():
        problems.append("Name a service.")
    if question.tags and not answer.tag.strip():
        problems.append("Name a tag, such as key=value.")
    kind = _kind(answer.kind)
    if kind is None:
        problems.append("Choose a kind of fault.")
    evidence, problem = _evidence(question, answer.evidence.strip(), ask, given)
    if problem:
        problems.append(problem)
    return Judgement(
        service=_service(answer.service) in {_service(service) for service in question.services},
        tag=not question.tags or _tag_fits(answer.tag, question.tags),
        kind=kind is question.kind,
        evidence=evidence,
        problems=tuple(problems),
    )


def _plain(text: str) -> str:
    return " ".join(text.strip(" \t\r\n`'\"").casefold().split())


def _service(text: str) -> str:
    """A service's name without the blanks and hyphens by which people part its words."""
    return _WORD_BREAKS.sub("", _plain(text))


def _tag(text: str) -> str:
    return _SEPARATOR.sub("=", _plain(text), count=1)


def _tag_fits(given: str, right: tuple[str, ...]) -> bool:
    """Whether a tag is one of these; a key or a value alone fits every pair that has it."""
    accepted = {_tag(tag) for tag in right}
    key, separator, value = _tag(given).partition("=")
    alone = {key, value} if separator else {key}
    return _tag(given) in accepted or any("=" not in tag and tag in alone for tag in accepted)


def _kind(text: str) -> FaultKind | None:
    plain = _plain(text)
    return next((kind for kind in FaultKind if plain in (kind.value, _plain(kind.title))), None)


def _evidence(question: IncidentQuestion, given: str, ask: Ask, known: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether an id is of this incident, and why it could not be looked up; empty where it was."""
    either = " or ".join(
        name for name, one in (("trace", question.trace), ("log", question.log)) if one is not None
    )
    if not given:
        return False, f"Give the id of a {either} as evidence."
    if len(given) > LONGEST_ID or not _ID.fullmatch(given):
        return False, f"That is not the id of a {either}."
    found = False
    for evidence, plausible in (
        (question.trace, bool(_TRACE_ID.fullmatch(given))),
        (question.log, given.isdigit()),
    ):
        if evidence is None or not plausible:
            continue
        answer = _looked_up(evidence, given.lower(), ask, known)
        if answer is None:
            continue
        found = True
        if fitting_evidence(evidence, answer, known):
            return True, ""
    return False, "" if found else f"No {either} has this id."


def _looked_up(evidence: Evidence, given: str, ask: Ask, known: Mapping[str, Any]) -> Any:
    try:
        return ask(Source.API, filled_path(evidence.ask, {**known, "evidence": given}))
    except (NoAnswer, Unfilled):
        return None
