"""Ids, texts and messages of the logs of a part, as bytes one behind the other."""

from __future__ import annotations

from store.sqlite.log_parts import KeptLog, pack, read_pieces


def test_equal_pieces_are_found_where_they_stand() -> None:
    """Among pieces of one length and of several; what lies across two of them is none."""
    ids = [b"abab", b"baba", b"abab"]
    for pieces in (ids, [*ids, b"ab", b""]):
        packed = pack(
            [KeptLog(n, n, 9, "shop", piece, b"", "", "", 1, 2, b"") for n, piece in enumerate(pieces)], {}
        )
        found = read_pieces(1, len(pieces), packed.traces)
        for sought in (b"abab", b"baba", b"abba", b"ab"):
            places = [place for place, piece in enumerate(pieces) if piece == sought]
            assert found.equal_to(sought) == places, sought
