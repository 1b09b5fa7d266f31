"""Instructions as words, and the noise that styles are drawn from."""

import numpy as np
import pytest

from visemic.core.errors import InputError
from visemic.models.style_schedule import draw_styles, sampled_steps, signal_shares
from visemic.models.style_words import PAD, UNKNOWN, Vocabulary, vocabulary_of


def test_known_words_have_numbers_and_others_are_the_unknown() -> None:
    words = vocabulary_of(["A happy person.", "A sad person."])
    assert words.words == (".", "a", "happy", "person", "sad")
    (row,) = words.encode(["A gloomy person"], 5)
    assert row.tolist() == [3, UNKNOWN, 5, PAD, PAD]


def test_an_instruction_of_no_words_is_one_unknown_and_a_long_one_is_cut() -> None:
    words = Vocabulary(("a",))
    assert words.encode(["", "a " * 9, "\u4f60\u597d"], 3).tolist() == [
        [UNKNOWN, PAD, PAD],
        [2, 2, 2],
        [UNKNOWN, PAD, PAD],
    ]


def test_the_signal_fades_from_whole_to_nothing() -> None:
    shares = signal_shares(100)
    assert len(shares) == 100
    assert (np.diff(shares) < 0).all()
    assert shares[0] > 0.999
    assert shares[-1] < 1e-3
    # Half way the cosine schedule keeps half of the power.
    assert shares[49] == pytest.approx(0.5, abs=0.02)


def test_ten_of_a_hundred_steps_run_from_the_last_to_the_first() -> None:
    steps = sampled_steps(100, 10)
    assert (steps[0], steps[-1], len(set(steps))) == (99, 0, 10)
    with pytest.raises(InputError, match="choose 1 to 100"):
        sampled_steps(100, 101)


def test_a_prior_that_knows_the_answer_gives_it_from_any_noise() -> None:
    wanted = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    for seed in range(3):
        noise = np.random.default_rng(seed).normal(size=(3, 8)).astype(np.float32)
        found = draw_styles(lambda x, step, heard: wanted, noise)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_the_exact_prior_of_a_gaussian_keeps_its_spread() -> None:
    # For styles of variance v about m, the best guess of the clean one is known in closed form.
    mean, variance, shares = 0.7, 0.25, signal_shares(100)

    def predict(x, step, heard):
        a = shares[step]
        gain = np.sqrt(a) * variance / (a * variance + 1 - a)
        return (mean + gain * (x - np.sqrt(a) * mean)).astype(np.float32)

    noise = np.random.default_rng(0).normal(size=(4_000, 1)).astype(np.float32)
    found = draw_styles(predict, noise, n_sampled=50)
    assert float(found.mean()) == pytest.approx(mean, abs=0.03)
    assert float(found.std()) == pytest.approx(0.5, abs=0.06)


def test_guidance_goes_beyond_the_instruction_and_0_ignores_it() -> None:
    noise = np.zeros((1, 2), np.float32)

    def predict(x, step, heard):
        return np.full((1, 2), 1.0 if heard else 0.25, np.float32)

    for guidance, expected in ((0.0, 0.25), (1.0, 1.0), (3.0, 0.25 + 3 * 0.75)):
        np.testing.assert_allclose(draw_styles(predict, noise, guidance=guidance), expected, rtol=1e-6)
