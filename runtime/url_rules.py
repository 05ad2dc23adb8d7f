"""URL rules that compile what builds an address when one is first built: most rules never build one.

Werkzeug compiles two functions for each rule as it is added: those of the 130 rules of the observer took
35 ms of its start. Where a later version makes them in another way, rules are as ever.
"""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.routing import Rule

_Builder = Callable[..., tuple[str, str]]


class LateRule(Rule):
    """A rule whose builders are compiled by their first call."""

    def _compile_builder(self, append_unknown: bool = True) -> _Builder:
        compile_now = super()._compile_builder
        made: _Builder | None = None

        def build(rule: Rule, **values: object) -> tuple[str, str]:
            nonlocal made
            if made is None:
                made = compile_now(append_unknown)
            return made(rule, **values)

        return build
