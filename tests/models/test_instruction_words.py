"""Facts about the words of the small writer: every sentence of its grammar reads back, and no other comes."""

import numpy as np
import pytest

from visemic.core.acting_grammar import parse_instruction, vocabulary, write_instruction
from visemic.core.acting_note import ActionPhrase, Span
from visemic.core.errors import InputError
from visemic.models.instruction_decode import (
    LIKELIEST,
    Draw,
    likeness,
    most_agreed,
    write_sentences,
)
from visemic.models.instruction_words import (
    END_TOKEN,
    MAX_TOKENS,
    NUMBER_OF,
    START,
    UNKNOWN,
    WORDS,
    may_follow,
    next_places,
    place_after,
    plain_caption,
    plain_text,
    text_of,
    tokens_of,
)


def drawn_sentence(rng):
    """Walk through the grammar by chance."""
    place, tokens = START, []
    while not place.is_end:
        choices = list(next_places(place).items())
        token, place = choices[rng.integers(len(choices))]
        tokens.append(token)
    return tokens


def test_every_sentence_of_the_grammar_reads_back_as_itself(rng):
    for _ in range(150):
        tokens = drawn_sentence(rng)
        text = text_of(tokens)
        span = parse_instruction(text)
        assert span.unknown == ()
        assert write_instruction(span) == text
        assert tokens_of(text) == tokens


def test_what_the_writer_of_the_core_says_is_in_the_grammar(rng):
    units = (1, 2, 4, 6, 12, 15)
    for _ in range(60):
        actions = tuple(ActionPhrase(unit, "very") for unit in units if rng.random() < 0.5)
        span = Span(0.0, 0.0, "happy", 0.65, actions, gaze="down", head="nod" if rng.random() < 0.5 else "")
        assert place_after(tokens_of(plain_text(span))).is_end


def test_every_word_of_the_core_has_a_number():
    assert set(vocabulary()) <= set(WORDS)
    assert len(set(WORDS)) == len(WORDS)
    assert tokens_of("Zebra")[0] == NUMBER_OF[UNKNOWN]


def test_units_come_once_in_order_and_at_most_eight():
    span = Span(
        0.0, 0.0, "sad", 1.0, tuple(ActionPhrase(u, "quite") for u in (17, 15, 4, 1, 6, 7, 9, 10, 12))
    )
    units = [action.unit for action in parse_instruction(plain_text(span)).actions]
    assert units == [1, 4, 6, 7, 9, 10, 12, 15]


def test_a_paraphrase_has_one_plain_wording():
    span = Span(0.0, 0.0, "angry", 0.8, (ActionPhrase(4, "very"), ActionPhrase(24, "slightly")))
    wordings = {plain_caption(write_instruction(span, template)) for template in range(30)}
    assert wordings == {"A very angry person speaks with very lowered brows and slightly pressed lips."}


def test_a_word_out_of_place_is_refused():
    with pytest.raises(InputError, match="'person'"):
        place_after(tokens_of("A person speaks."))


def test_the_beginning_is_an_article():
    assert [WORDS[number] for number in np.flatnonzero(may_follow(START))] == ["a", "an"]


@pytest.mark.parametrize("draw", [LIKELIEST, Draw(n_samples=2, n_dropped=1, temperature=3.0)])
def test_random_likelihoods_write_sentences_that_read_back(draw):
    rng = np.random.default_rng(3)
    for spread in (0.1, 3.0, 40.0):

        def read(tokens, spread=spread):
            return spread * rng.standard_normal((len(tokens), len(WORDS)))

        for tokens, score in write_sentences(read, 6, draw, rng):
            text = text_of(tokens)
            assert tokens[-1] == END_TOKEN
            assert len(tokens) <= MAX_TOKENS
            assert np.isfinite(score)
            assert write_instruction(parse_instruction(text)) == text


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_network_that_gives_no_numbers_still_writes_a_sentence(value):
    def read(tokens):
        return np.full((len(tokens), len(WORDS)), value)

    ((tokens, _),) = write_sentences(read, 1, LIKELIEST, np.random.default_rng(0))
    assert place_after(tokens).is_end


def test_the_odd_sentence_is_dropped():
    sad, very_sad = Span(0.0, 0.0, "sad", 0.65), Span(0.0, 0.0, "sad", 0.8)
    angry = Span(0.0, 0.0, "angry", 1.0, (ActionPhrase(4, "very"),))
    spans = [angry, sad, very_sad, sad]
    assert spans[most_agreed(spans, [0.0, -1.0, -1.0, -1.0], Draw(n_samples=4, n_dropped=2))] == sad
    assert most_agreed([angry], [0.0], LIKELIEST) == 0


def test_likeness_is_symmetric_and_one_for_equals():
    first = Span(0.0, 0.0, "sad", 0.5, (ActionPhrase(4, "very"), ActionPhrase(15, "quite")))
    second = Span(0.0, 0.0, "sad", 1.0, (ActionPhrase(4, "quite"),))
    assert likeness(first, first) == 1.0
    assert likeness(first, second) == likeness(second, first) < 1.0


@pytest.mark.parametrize(
    "wrong", [{"n_samples": 0}, {"n_dropped": 8}, {"temperature": 0.0}, {"top_p": 1.5}, {"top_k": 0}]
)
def test_a_draw_that_draws_nothing_is_refused(wrong):
    with pytest.raises(InputError):
        Draw(**wrong)
