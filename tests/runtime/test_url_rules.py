"""Rules that compile their builders late are the rules that there were."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from werkzeug.routing import BuildError, Map, MapAdapter, Rule

from runtime.url_rules import LateRule

_RULES: Mapping[str, tuple[str, dict[str, object]]] = {
    "home": ("/", {}),
    "trace": ("/apm/traces/<trace_id>", {}),
    "log": ("/logs/<int:number>/<path:rest>", {}),
    "page": ("/pages/", {"defaults": {"number": 1}}),
    "numbered": ("/pages/<int:number>", {}),
}


def _adapter(kind: type[Rule]) -> MapAdapter:
    rules = [kind(path, endpoint=name, **more) for name, (path, more) in _RULES.items()]  # type: ignore[arg-type]
    return Map(rules).bind("lab.example", "/below")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("home", {}),
        ("home", {"since": "15m", "attr": ["a:b", "c d"]}),
        ("trace", {"trace_id": "ä/?&"}),
        ("trace", {"trace_id": "1", "span": "2"}),
        ("log", {"number": 7, "rest": "a/b c"}),
        ("page", {}),
        ("numbered", {"number": 2}),
    ],
)
def test_addresses_are_built_as_ever(name: str, values: dict[str, object]) -> None:
    late, ever = _adapter(LateRule), _adapter(Rule)
    for _ in range(2):
        assert late.build(name, values) == ever.build(name, values)
        assert late.build(name, values, append_unknown=False) == ever.build(
            name, values, append_unknown=False
        )
        assert late.build(name, values, force_external=True) == ever.build(name, values, force_external=True)


@pytest.mark.parametrize("path", ["/", "/apm/traces/1", "/logs/7/a/b", "/pages/", "/pages/3"])
def test_addresses_are_matched_as_ever(path: str) -> None:
    assert _adapter(LateRule).match(path) == _adapter(Rule).match(path)


def test_what_is_wrong_is_said_as_ever() -> None:
    for _ in range(2):
        with pytest.raises(BuildError, match="trace_id"):
            _adapter(LateRule).build("trace", {})


def test_nothing_is_compiled_before_an_address_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    compile_now = Rule._compile_builder

    def note(self: Rule, append_unknown: bool = True) -> object:
        compiled.append(str(self.endpoint))
        return compile_now(self, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", note)
    adapter = _adapter(LateRule)
    assert adapter.match("/apm/traces/1") == ("trace", {"trace_id": "1"})
    assert compiled == []
    for _ in range(2):
        assert adapter.build("trace", {"trace_id": "1"}) == "/below/apm/traces/1"
    assert compiled == ["trace"]
