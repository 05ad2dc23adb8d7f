"""Errors of this room; every message is a sentence, and says what helps."""

from __future__ import annotations


class AlertError(Exception):
    """The file of alerts cannot be used; `str()` is one sentence, `remedy` says what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class RuleError(ValueError):
    """A rule that cannot be used; the message names the file, the key and the remedy."""

    def __init__(self, file: str, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {key}: {problem}; {remedy}")
        self.file = file
        self.key = key
        self.problem = problem
        self.remedy = remedy
