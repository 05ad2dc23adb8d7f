"""Rules as data: what is read, and how a malformed file is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alerting.errors import RuleError
from alerting.rule_folders import SHIPPED, RuleFolders
from alerting.rules import parse

GOOD = """
title = "Orders are failing"
severity = "critical"
[signal]
kind = "requests"
measure = "error_share"
[condition]
above = 0.05
"""


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def test_the_rules_that_ship_can_be_used() -> None:
    """Three rules ship, and none has a problem."""
    files = RuleFolders([SHIPPED]).files()

    assert len(files) == 3
    assert [file.problem for file in files.values() if file.rule is None] == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('title = "Orders are failing"', "", "title: is missing; add it"),
        ('"critical"', '"loud"', "severity: is 'loud'; use one of: critical, warning, info"),
        ('kind = "requests"', 'kind = "dreams"', "signal.kind: is 'dreams'; use one of"),
        ('"error_share"', '"p95"', "signal.measure: is 'p95'; use one of"),
        ("above = 0.05", "", "condition.above: has no threshold; write one of"),
        ("above = 0.05", "above = 0.05\nbelow = 0.01", "has 2 thresholds"),
        ("above = 0.05", 'above = "much"', "condition.above: is 'much'; write a number"),
        ("above = 0.05", "above = 5", "a share is written as a number from 0 to 1"),
        ("above = 0.05", "above = nan", "write a finite number"),
        ("above = 0.05", "above = 0.05\nwindow = 20", "condition.window: is 20; write a length of time"),
        ("above = 0.05", 'above = 0.05\nwindow = "9d"', "condition.window: is '9d'"),
        ("above = 0.05", 'above = 0.05\nwindow = "2s"', "write a length of time from 5s to 24h"),
        ("above = 0.05", "above = 0.05\nminimum = 0", "condition.minimum: is 0; write a whole number"),
        (
            "above = 0.05",
            "above = 0.05\nminimun = 3",
            "condition.minimun: is not a known key; remove it or use",
        ),
        ("above = 0.05", "above_hour_before = -2", "write how many times the hour before"),
        ("[signal]", 'runbok = "/x"\n[signal]', "runbok: is not a known key"),
        ("[signal]", 'runbook = "javascript:alert(1)"\n[signal]', "begin it with https://, http:// or /"),
        ("[signal]", 'runbook = "//evil.example"\n[signal]', "begin it with https://, http:// or /"),
        ("[signal]", "labels = { team = 3 }\n[signal]", "labels.team: is 3; write a text"),
        ("[condition]", 'by = ["service", "operation"]\n[condition]', "names 2 attributes; name at most 1"),
        ("[condition]", 'by = ["service"]\nservice = "x"\n[condition]', "signal.by: is service"),
        ("[signal]", "[signal", "is not TOML"),
        ('kind = "requests"', 'kind = "metric"', "signal.measure: is 'error_share'"),
        ('kind = "requests"', 'kind = "rum"', "signal.measure: is 'error_share'"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(old: str, new: str, words: str) -> None:
    """The message names the file, the key, what is wrong and what to write."""
    with pytest.raises(RuleError) as refused:
        parse("orders", "orders.toml", changed(GOOD, old, new))

    assert str(refused.value).startswith("orders.toml: ")
    assert words in str(refused.value)


def test_what_is_left_out_has_a_sensible_value() -> None:
    """Only title, severity, what is measured and the threshold must be written."""
    rule = parse("orders", "orders.toml", GOOD)

    assert rule.condition.window_ns == 60 * 10**9
    assert (rule.condition.for_ns, rule.condition.minimum, rule.condition.no_data) == (0, 1, "keep")
    assert rule.signal.unit == "1"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = [" * 5_000, b"x" * 200_000, b""])
def test_a_malformed_file_stops_no_other(tmp_path: Path, content: bytes) -> None:
    """Whatever a file holds, the others are read, and its own problem is one sentence."""
    (tmp_path / "bad.toml").write_bytes(content)
    (tmp_path / "good.toml").write_text(GOOD)
    (tmp_path / "bad name!.toml").write_text(GOOD)
    (tmp_path / "dangling.toml").symlink_to(tmp_path / "nothing")

    files = RuleFolders([tmp_path]).files()

    assert [name for name, file in files.items() if file.rule] == ["good"]
    assert files["bad"].problem.startswith("bad.toml: ")
    assert "use letters, digits" in files["bad name!"].problem
    assert "cannot be read" in files["dangling"].problem


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """A new title counts at the next look, and so does a file that is gone."""
    path = tmp_path / "orders.toml"
    path.write_text(GOOD)
    folders = RuleFolders([tmp_path])
    first = folders.files()["orders"]
    assert folders.files()["orders"] is first

    path.write_text(changed(GOOD, "Orders are failing", "Orders fail"))
    os.utime(path, ns=(1, 1))
    again = folders.files()["orders"].rule
    assert again
    assert again.title == "Orders fail"

    path.unlink()
    assert folders.files() == {}


def test_a_folder_that_is_away_deletes_no_rule(tmp_path: Path) -> None:
    """A folder that is unmounted for a moment must not end alerts."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "orders.toml").write_text(GOOD)
    folders = RuleFolders([folder])
    assert list(folders.files()) == ["orders"]

    folder.rename(tmp_path / "elsewhere")

    assert list(folders.files()) == ["orders"]
    assert folders.missing() == [folder]


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is away: it is not taken for an empty one."""
    (tmp_path / "orders.toml").write_text(GOOD)
    folders = RuleFolders([tmp_path])
    assert (list(folders.files()), folders.missing()) == (["orders"], [])

    def denied(folder: Path) -> list[str]:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("os.listdir", denied)

    assert (list(folders.files()), folders.missing()) == (["orders"], [tmp_path])


def test_a_rule_of_ones_own_replaces_one_that_ships(tmp_path: Path) -> None:
    """Of two files of one name, that of the later folder counts."""
    (tmp_path / "orders-failing.toml").write_text(GOOD)

    rule = RuleFolders([SHIPPED, tmp_path]).files()["orders-failing"].rule

    assert rule
    assert rule.signal.service == ""
