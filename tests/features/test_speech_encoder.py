"""Chunks, clocks and configurations of speech encoders; the networks are in test_hugging_face."""

from fractions import Fraction

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.features.speech_encoder import EncoderConfig, SpeechStates, chunks_of


@pytest.mark.parametrize("n_steps", [1, 9, 10, 11, 16, 17, 25, 26, 1_000])
@pytest.mark.parametrize(("per_chunk", "shared"), [(10, 4), (10, 0), (10, 1), (7, 3), (20, 8)])
def test_chunks_keep_every_step_once_and_away_from_their_edges(n_steps, per_chunk, shared):
    chunks = chunks_of(n_steps, per_chunk, shared)
    kept = [step for chunk in chunks for step in range(chunk.keep_first, chunk.keep_stop)]
    assert kept == list(range(n_steps))
    for chunk in chunks:
        assert chunk.stop - chunk.first == min(per_chunk, n_steps)
        assert 0 <= chunk.first <= chunk.keep_first < chunk.keep_stop <= chunk.stop <= n_steps
        if chunk.first > 0:
            assert chunk.keep_first - chunk.first >= shared // 2
        if chunk.stop < n_steps:
            assert chunk.stop - chunk.keep_stop >= shared // 2


def test_states_know_when_they_are():
    times_s = (0.0125 + 0.02 * np.arange(50, dtype=np.float32))[None, :, None]
    states = SpeechStates(np.repeat(times_s, 2, axis=0), Rate.of(50), Fraction(1, 80), "time", "1")
    frames = states.at(Rate.of(30), 29).values
    assert frames.shape == (29, 2)
    np.testing.assert_allclose(frames[1:, 0], np.arange(1, 29) / 30, atol=1e-6)
    assert frames[0, 0] == np.float32(0.0125)


def test_layers_lie_side_by_side(rng):
    values = rng.standard_normal((3, 5, 4)).astype(np.float32)
    side_by_side = SpeechStates(values, Rate.of(50), Fraction(0), "x", "1").at(Rate.of(50), 5).values
    np.testing.assert_array_equal(side_by_side[:, 4:8], values[1])


def test_configurations_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="share 15 s"):
        EncoderConfig(overlap_s=15.0)
    with pytest.raises(InputError, match="none twice"):
        EncoderConfig(layers=(1, 1))
    with pytest.raises(InputError, match="at least one"):
        EncoderConfig(layers=())
