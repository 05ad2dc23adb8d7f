"""Every incident of the house is well formed, and malformed data is refused with file, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

import incidents
from incidents.loading import load

STEP = """
[[steps]]
name = "one"
title = "One"
screen = "/rum"
click = "Click."
look = "Look."
expected = "This."
hint = "There."
meaning = "So."
checks = ["thing"]
"""
HEAD = 'title = "T"\nsummary = "S"\nminutes = 1\ncheckout_status = 200\nheadline = "H"\nanswer = "A"\n'
CHECK = """
[checks.thing]
title = "T"
ask = "/api/v1/status"
expects = "a thing"
look = "there"
"""
QUESTION = """
[question]
ask = "Which?"
services = ["a"]
kind = "network"

[question.evidence.trace]
ask = "/api/v1/apm/traces/{evidence}"
where = [{ field = "a", is = 1 }]
"""
REST = STEP + QUESTION
WHOLE = HEAD + REST + CHECK


RELEASE = "\n[release]\nversion = 'v2'\nbefore = 'v1'\nrepair = 'back'\n"


def write(folder: Path, text: str, name: str = "made") -> Path:
    folder.joinpath(f"{name}.toml").write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("name", incidents.names())
def test_each_incident_of_the_house_loads_and_says_all_it_must(name: str) -> None:
    incident = incidents.load(name)
    assert incident.title, "an incident needs a title"
    assert incident.headline, "an incident needs an answer"
    assert all(step.checks for step in incident.steps), "a step without a check cannot be proven"
    assert all(flag.imitates.endswith(".") for flag in incident.flags), "a flag says what it imitates"


def test_the_default_is_among_the_names() -> None:
    assert incidents.DEFAULT in incidents.names()


def test_the_smallest_incident_loads(tmp_path: Path) -> None:
    assert load("made", write(tmp_path, WHOLE)).checks[0].name == "thing"


def test_a_common_check_is_shared_and_an_own_one_wins(tmp_path: Path) -> None:
    write(tmp_path, CHECK.replace('"a thing"', '"a common thing"'), "_common")
    assert load("made", write(tmp_path, HEAD + REST)).checks[0].expects == "a common thing"
    assert load("made", write(tmp_path, WHOLE)).checks[0].expects == "a thing"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title = ", "made.toml: file: is not TOML"),
        (STEP + CHECK, "made.toml: title: is missing; add it as a text"),
        (WHOLE.replace('"T"', '" "', 1), "made.toml: title: is blank"),
        (WHOLE.replace("minutes = 1", 'minutes = "1"'), "made.toml: minutes: is '1'; write a whole number"),
        (WHOLE.replace("minutes", "minuets"), "made.toml: minutes: is missing"),
        (
            WHOLE + "wherre = []",
            "made.toml: checks.thing.wherre: is not a known key; remove it or use one of",
        ),
        (HEAD + QUESTION + CHECK, "made.toml: checks.thing: is in no step; name it in the checks of a step"),
        (WHOLE.replace('["thing"]', '["think"]'), "steps[0].checks: names 'think'; define [checks.think]"),
        (WHOLE.replace('"/api/v1/status"', '"api"'), "checks.thing.ask: is 'api'; give a path from /"),
        (
            WHOLE.replace('"/api/v1/status"', '"/a/{trace}"'),
            "checks.thing: uses {trace}, which is kept by none",
        ),
        (
            WHOLE + 'needs = ["later"]',
            "checks.thing.needs: names 'later'; name checks that are asked earlier",
        ),
        (WHOLE + 'follows = ["thing"]', "checks.thing.follows: names 'thing'; name another check that is"),
        (WHOLE + 'where = [{ field = "a" }]', "where[0].field: a is compared with nothing; add one of: is,"),
        (WHOLE + 'where = [{ field = "a", matches = "(" }]', "where[0].matches: is not a regular expression"),
        (WHOLE + 'source = "log"', "checks.thing.source: is 'log'; use api or visit"),
        (WHOLE + "[flags.cart_price_typo]\nimitates = 'I.'", "flags.cart_price_typo.value: is missing"),
        (
            WHOLE + "[flags.cart_price_typo]\nvalue = []\nimitates = 'I.'",
            "flags.cart_price_typo.people: is []",
        ),
        (
            WHOLE + "[flags.cart_price_typo]\npeople = true\nsynthetic = 0.5\nimitates = 'I.'",
            "flags.cart_price_typo.synthetic: is of another kind",
        ),
        (WHOLE + STEP, "made.toml: steps.name: 'one' is repeated"),
        (WHOLE + RELEASE, "made.toml: release.repair: names 'back'; add it to [[repairs]]; there: none yet"),
        (WHOLE + RELEASE.replace("v2", "v1"), "made.toml: release.before: is the version itself"),
        (WHOLE + RELEASE.replace("v2", "v 2"), "made.toml: release.version: is 'v 2'; write a version"),
        (WHOLE + RELEASE + "service = 'x'", "made.toml: release.service: is not a known key"),
    ],
)
def test_malformed_data_names_file_key_and_remedy(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(incidents.IncidentError) as caught:
        load("made", write(tmp_path, text))
    assert told in str(caught.value), f"the error should say {told!r}, not {caught.value}"


def test_an_unknown_incident_is_answered_with_the_known_ones() -> None:
    with pytest.raises(incidents.IncidentError, match=r"no such incident; use one of: .*invalid-token"):
        incidents.load("no-such-thing")


@pytest.mark.parametrize("name", incidents.names())
def test_what_a_release_brings_its_repair_takes_back(name: str) -> None:
    """The version that is announced is the answer's own, and the one before it another."""
    incident = incidents.load(name)
    if incident.release is None:
        assert not any(tag.startswith("version=") for tag in incident.question.tags) or name == "none"
        return
    assert f"version={incident.release.version}" in incident.question.tags
    repair = incident.repair(incident.release.repair)
    assert repair is not None
    assert incident.release.before in repair.title
