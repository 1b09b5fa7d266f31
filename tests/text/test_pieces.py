"""Cutting loses nothing but blanks and unseen characters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visemic.text.pieces import clean, cut, peel


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text(max_size=60))
def test_pieces_joined_are_the_text_without_blanks(text):
    cleaned = clean(text)
    assert "".join(piece.raw for piece in cut(cleaned)) == "".join(cleaned.split())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("(hello),", ("(", "hello", "),")),
        ("'90s", ("", "'90s", "")),
        ("-5%.", ("", "-5%", ".")),
        (".5", ("", ".5", "")),
        ("C++!", ("", "C++", "!")),
        ("...", ("...", "", "")),
        ("runnin'", ("", "runnin'", "")),
    ],
)
def test_punctuation_is_peeled_but_signs_are_kept(text, parts):
    assert peel(text) == parts


def test_breaks_of_lines_and_paragraphs_are_told():
    assert [piece.break_after for piece in cut("a b\nc\n\nd")] == ["", "line", "paragraph", ""]


def test_addresses_stay_whole():
    assert [piece.core for piece in cut("see www.a-b.org/x,y?z=1 or me@a.com.")] == [
        "see",
        "www.a-b.org/x,y?z=1",
        "or",
        "me@a.com",
    ]
