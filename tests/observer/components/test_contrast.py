"""The colour tokens: measured, not hoped for."""

from __future__ import annotations

from observer.components import contrast


def test_black_on_white_is_twenty_one_to_one() -> None:
    assert round(contrast.ratio("#000000", "#ffffff"), 2) == 21
    assert contrast.ratio("#777777", "#777777") == 1


def test_every_pair_of_tokens_is_told_apart_in_both_themes() -> None:
    weak = [
        f"{pair.foreground} on {pair.background}: {pair.light:.2f} by day, {pair.dark:.2f} by night"
        for pair in contrast.measure_pairs(contrast.tokens())
        if min(pair.light, pair.dark) < pair.least
    ]
    assert not weak, "; ".join(weak)


def test_every_drawn_token_is_among_the_pairs() -> None:
    measured = {pair[0] for pair in contrast.PAIRS} | {pair[1] for pair in contrast.PAIRS}
    decorative = {"line"}
    assert set(contrast.tokens()) - measured == decorative
