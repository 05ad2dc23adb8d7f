"""Reading a page as a document: one element, its words, one of its attributes; what is missing is named."""

from __future__ import annotations

from selectolax.lexbor import LexborHTMLParser, LexborNode as Node

Part = LexborHTMLParser | Node


def one(page: Part, selector: str) -> Node:
    """The only element that fits."""
    found = page.css(selector)
    assert len(found) == 1, f"{len(found)} elements fit {selector}, not one"
    return found[0]


def first(page: Part, selector: str) -> Node:
    """The first element that fits; others may follow."""
    found = page.css_first(selector)
    assert found is not None, f"no element fits {selector}"
    return found


def attribute(node: Node, name: str) -> str:
    """An attribute that the element must have; without a value it is empty."""
    assert name in node.attributes, f"<{node.tag}> has no attribute {name}"
    return node.attributes[name] or ""


def text(node: Part) -> str:
    """The words of an element, blanks joined; a place where a word may be broken is not a blank."""
    root = node.root if isinstance(node, LexborHTMLParser) else node
    parts: list[str] = []
    joined = False
    for each in root.traverse(include_text=True) if root else ():
        if each.is_text_node:
            parts.append(("" if joined else " ") + (each.text_content or ""))
        joined = each.tag == "wbr"
    return " ".join("".join(parts).split())
