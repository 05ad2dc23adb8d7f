"""Severity of a log: OpenTelemetry's number, and where there is none the sender's own word.

The words are those that the OpenTelemetry log data model maps to numbers (its appendix on
severity: syslog, Log4j, java.util.logging, .NET, Zap), with Python's and their short forms.
"""

from __future__ import annotations

import re
from typing import Final

from signals.model import Severity

_FIRST: Final = {severity: 4 * place + 1 for place, severity in enumerate(Severity)}
_NUMBERS: Final[dict[str, int]] = {
    **{
        f"{severity.value}{level or ''}": _FIRST[severity] + max(level - 1, 0)
        for severity in Severity
        for level in range(5)
    },
    "finest": 1,
    "verbose": 5,
    "finer": 5,
    "fine": 6,
    "config": 7,
    "information": 9,
    "informational": 9,
    "notice": 10,
    "warning": 13,
    "err": 17,
    "severe": 17,
    "dpanic": 18,
    "alert": 19,
    "panic": 19,
    "critical": 21,
    "crit": 21,
    "emergency": 21,
    "emerg": 21,
}
"""`critical` is an error to syslog and fatal to .NET, Windows and Python: the more severe is taken."""
_BRACKETS: Final = re.compile(r"^[\s\[(<]+|[\s\])>:]+$")


def severity_number_of(number: int, text: str) -> int:
    """The severity number, 1 to 24: the sender's, else that of its text, else 0 for unspecified."""
    if 1 <= number <= 24:
        return number
    return _number_of_text(text)


def differs_from_severity(text: str, severity: Severity) -> bool:
    """Whether the sender's text has information that the name of the severity lacks."""
    return bool(text.strip()) and _number_of_text(text) != _FIRST[severity]


def _number_of_text(text: str) -> int:
    return _NUMBERS.get(_BRACKETS.sub("", text[:40]).lower(), 0)
