"""Every keyboard shortcut of the screens, in one table.

The help page and the `data-keys` attribute, which keys.js reads, are made from it. No key
acts while the reader types in a field, nor with Ctrl, Alt or Meta held.
"""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One shortcut: its keys, the action of keys.js that they trigger, and the action's argument."""

    keys: tuple[str, ...]
    """Values of `KeyboardEvent.key`."""
    action: str
    """A name of the table ACTIONS in keys.js."""
    target: str
    """The action's argument.

    `follow` and `focus`: the `data-key` of an element of the page; `near`: the same, first within the
    focused row; `mark`: a word of `data-mark` and a direction; `row` and `fold`: where to. `layer` and
    `copy` need none.
    """
    help: str
    group: str


_ALL = "Anywhere"
_ROWS = "Rows of lists and tables"
_THREAD = "Following the thread"

KEYS = (
    Key(("?",), "follow", "help", "Show this list, and the glossary below it", _ALL),
    Key(("g",), "follow", "glossary", "Look up a word in the glossary", _ALL),
    Key(("/",), "focus", "filter", "Type into this page's filter, or the search field", _ALL),
    Key(("s",), "focus", "seek", "Go to a trace, span, session or order by its id", _ALL),
    Key(("1",), "follow", "area-home", "Home", _ALL),
    Key(("2",), "follow", "area-rum", "RUM", _ALL),
    Key(("3",), "follow", "area-apm", "APM", _ALL),
    Key(("4",), "follow", "area-logs", "Logs", _ALL),
    Key(("5",), "follow", "area-metrics", "Metrics", _ALL),
    Key(("6",), "follow", "area-alerts", "Alerts", _ALL),
    Key(("7",), "follow", "area-workshop", "Workshop", _ALL),
    Key(("m",), "follow", "area-apm", "Service map", _ALL),
    Key(("p",), "follow", "live", "Pause or resume live data", _ALL),
    Key(("n",), "follow", "updates", "Show what has arrived meanwhile", _ALL),
    Key(("y",), "copy", "permalink", "Copy a link to exactly this", _ALL),
    Key(("Escape",), "layer", "close", "Close one layer: dialog, menu, detail", _ALL),
    Key(("j", "ArrowDown"), "row", "next", "Next row", _ROWS),
    Key(("k", "ArrowUp"), "row", "previous", "Previous row", _ROWS),
    Key(("Home",), "row", "first", "First row", _ROWS),
    Key(("End",), "row", "last", "Last row", _ROWS),
    Key(("Enter",), "row", "open", "Open or close the row", _ROWS),
    Key(
        ("ArrowRight",),
        "fold",
        "out",
        "Unfold the row, or go to its first child",
        _ROWS,
    ),
    Key(("ArrowLeft",), "fold", "in", "Fold the row, or go to its parent", _ROWS),
    Key(("[",), "fold", "all-in", "Fold everything", _ROWS),
    Key(("]",), "fold", "all-out", "Unfold everything", _ROWS),
    Key(("e",), "mark", "error next", "Next error", _THREAD),
    Key(("E",), "mark", "error previous", "Previous error", _THREAD),
    Key(("r",), "mark", "origin next", "Next root cause: where an error began", _THREAD),
    Key(("a",), "near", "apm", "APM link of this row", _THREAD),
    Key(("t",), "near", "trace", "Trace of this row or dialog", _THREAD),
    Key(("l",), "near", "logs", "Logs of this span, or of this trace", _THREAD),
    Key(("M",), "near", "metrics", "Metrics of this trace's, session's or log's service", _THREAD),
    Key(("b",), "near", "session", "Browser session of this trace or log", _THREAD),
)


def groups() -> dict[str, list[Key]]:
    """The table by group, in order."""
    found: dict[str, list[Key]] = {}
    for key in KEYS:
        found.setdefault(key.group, []).append(key)
    return found


def data_keys() -> str:
    """The table as the JSON that keys.js reads: `{key: [action, target]}`."""
    return json.dumps({k: [key.action, key.target] for key in KEYS for k in key.keys}, separators=(",", ":"))


def label(key: str) -> str:
    """The text of a key cap."""
    names = {"ArrowDown": "↓", "ArrowUp": "↑", "ArrowLeft": "←", "ArrowRight": "→", "Escape": "Esc"}
    return names.get(key, key)
