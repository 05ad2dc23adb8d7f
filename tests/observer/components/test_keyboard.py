"""One table of keys: every key does one thing, is helped, documented and known to the script."""

from __future__ import annotations

import json
import re
from pathlib import Path

from observer.components import keyboard
from tests.fixtures.html import attribute, one, text
from tests.helpers import REPO
from tests.observer.screens import Screens

_STATIC = REPO / "observer" / "static"


def test_no_key_does_two_things() -> None:
    pressed = [key for entry in keyboard.KEYS for key in entry.keys]
    assert len(pressed) == len(set(pressed))


def test_every_key_is_in_the_help_and_on_every_page(screens: Screens) -> None:
    page = screens.page("/-/keys")
    shown = text(page)
    for entry in keyboard.KEYS:
        assert entry.help in shown
        assert all(keyboard.label(key) in shown for key in entry.keys)
    assert json.loads(attribute(one(page, "body"), "data-keys")) == json.loads(keyboard.data_keys())


def test_every_key_is_documented() -> None:
    document = (REPO / "docs" / "keyboard.md").read_text("utf-8")
    for entry in keyboard.KEYS:
        caps = " or ".join(f"`{keyboard.label(key)}`" for key in entry.keys)
        assert f"| {caps} | {entry.help} |" in document, f"docs/keyboard.md lacks {caps}: {entry.help}"


def test_the_script_knows_every_action() -> None:
    script = (_STATIC / "keys.js").read_text("utf-8")
    table = script[script.index("const ACTIONS") : script.index("function typing")]
    for action in {entry.action for entry in keyboard.KEYS}:
        assert re.search(rf"^\s+{action}[,:]", table, re.MULTILINE), f"keys.js has no action {action}"


def test_every_followed_element_stands_in_a_template() -> None:
    templates = "".join(p.read_text("utf-8") for p in (REPO / "observer" / "templates").rglob("*.html"))
    templates += "".join(Path(p).read_text("utf-8") for p in _STATIC.glob("*.js"))
    for entry in keyboard.KEYS:
        if entry.action in {"follow", "focus", "near"} and not entry.target.startswith("area-"):
            named = (
                f'data-key="{entry.target}"' in templates or f'dataset.key = "{entry.target}"' in templates
            )
            assert named or f'"{entry.target}")' in templates, f"nothing has data-key {entry.target}"


def test_modules_are_short() -> None:
    long = {p.name: n for p in _STATIC.glob("*.js") if (n := len(p.read_text("utf-8").splitlines())) >= 150}
    assert not long
