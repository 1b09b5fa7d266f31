import numpy as np
import pytest

from visemic.core.signals import Alignment, Word
from visemic.render.caption import MAX_LINES, Captions, written_words
from visemic.render.letter import ACCENT, font_for, legible

TEXT = "“Well,” she said: don't stop now! Go on (please) — or else."
WORDS = ("Well", "she", "said", "don't", "stop", "now", "Go", "on", "please", "or", "else")


def alignment_of(words, text=None, each_s=0.3, gap_s=0.05):
    placed = tuple(
        Word(word, i * (each_s + gap_s), i * (each_s + gap_s) + each_s) for i, word in enumerate(words)
    )
    end_s = placed[-1].end_s if placed else 0.0
    return Alignment((), placed, " ".join(words) if text is None else text, end_s + 1)


def test_words_carry_the_punctuation_of_the_text():
    pieces = written_words(alignment_of(WORDS, TEXT))
    assert "".join(piece + " " * spaced for piece, spaced in pieces).rstrip() == TEXT


def test_words_that_are_not_in_the_text_stand_alone():
    assert written_words(alignment_of(["five", "dollars"], "$5")) == [("five", True), ("dollars", True)]


def test_a_script_without_spaces_gets_none():
    assert written_words(alignment_of(["你好", "世界"], "你好，世界。")) == [
        ("你好，", False),
        ("世界。", False),
    ]


@pytest.mark.parametrize("side", [64, 256, 1080])
def test_pages_hold_every_word_once_within_the_picture(side):
    words = [f"word{i}{'x' * (i % 9)}" for i in range(60)]
    captions = Captions(alignment_of(words), side, side)
    shown = [n for page in captions.pages for line in page.lines for n in line]
    assert shown == list(range(60))
    assert all(len(page.lines) <= MAX_LINES for page in captions.pages)
    for page in captions.pages:
        patch = captions.patch_at(page.from_s)
        height, width = patch.image.shape[:2]
        assert patch.left >= 0
        assert patch.left + width <= side
        assert patch.top + height <= side


def test_pages_follow_one_another_without_overlap():
    captions = Captions(alignment_of([f"w{i}" for i in range(80)]), 128, 128)
    for page, following in zip(captions.pages, captions.pages[1:], strict=False):
        assert page.from_s < page.until_s <= following.from_s + 1e-9


def test_a_sentence_ends_its_page():
    captions = Captions(alignment_of(["One", "two", "Three"], "One two. Three"), 512, 512)
    assert [page.lines for page in captions.pages] == [((0, 1),), ((2,),)]


def test_pages_of_one_sentence_are_of_about_one_length():
    captions = Captions(alignment_of(["seven"] * 21), 256, 256)
    counts = [sum(map(len, page.lines)) for page in captions.pages]
    assert len(counts) > 1
    assert max(counts) <= min(counts) + 3


def test_the_spoken_word_alone_is_in_colour():
    captions = Captions(alignment_of(["alpha", "beta"]), 512, 512)

    def coloured(time_s):
        image = captions.patch_at(time_s).image
        return np.flatnonzero((image[..., :3] == ACCENT).all(2).any(0))

    first, second = coloured(0.1), coloured(0.4)
    assert first.max() < second.min()
    assert coloured(0.32).size == 0


def test_nothing_is_shown_long_before_and_long_after():
    captions = Captions(alignment_of(["late"]).shifted(5.0, 20.0), 256, 256)
    assert captions.patch_at(1.0) is None
    assert captions.patch_at(5.1) is not None
    assert captions.patch_at(15.0) is None


def test_no_words_make_no_pages():
    assert Captions(alignment_of([]), 256, 256).patch_at(0.0) is None


def test_a_word_wider_than_the_picture_stays_in_it():
    patch = Captions(alignment_of(["Donaudampfschifffahrtsgesellschaft" * 3]), 128, 128).patch_at(0.1)
    assert patch.image.shape[1] <= 128


def test_english_letters_take_the_font_that_is_the_same_everywhere():
    assert font_for("Hello, world…", 16).getname() == font_for("a", 16).getname()


def test_letters_that_a_font_lacks_are_spelt_with_plain_ones():
    assert legible("Größe, naïve façade", font_for("a", 16)) == "Grosse, naive facade"
    assert legible("中", font_for("a", 16)) == "?"
