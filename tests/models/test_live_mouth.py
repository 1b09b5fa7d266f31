"""The shipped model of sound: one path for files and streams, and lips that close on what is heard."""

import numpy as np
import pytest

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.hub import find_artifact
from visemic.core.layout import ARKIT_61, MOUTH_33
from visemic.core.signals import Waveform
from visemic.models.live_mouth import TOTAL_LOOKAHEAD_S, MouthModel, load_live_mouth
from visemic.rig.readout import fit_readouts, readout_index
from visemic.rig.registry import load_rig

READOUTS = fit_readouts(load_rig("visemic"))


@pytest.fixture(scope="module")
def model() -> MouthModel:
    return load_live_mouth(find_artifact("trunk-mouth"), READOUTS)


def _speechlike(seconds: float, seed: int = 0) -> np.ndarray:
    """Give a buzz with moving resonances and pauses: enough to move the mouth."""
    rng = np.random.default_rng(seed)
    n = round(seconds * 16_000)
    t = np.arange(n) / 16_000
    buzz = np.sign(np.sin(2 * np.pi * 120 * t)) * 0.1
    loud = np.interp(t, np.arange(0, seconds + 0.2, 0.1), rng.random(len(np.arange(0, seconds + 0.2, 0.1))))
    tone = np.sin(2 * np.pi * np.cumsum(np.interp(t, [0, seconds], [500, 2_500])) / 16_000)
    return ((buzz + 0.05 * tone) * loud).astype(np.float32)


def _streamed(model: MouthModel, samples: np.ndarray, rate: Rate, piece: int) -> np.ndarray:
    stream = model.open_stream(rate)
    parts = [stream.push(samples[i : i + piece]).values for i in range(0, len(samples), piece)]
    return np.concatenate([*parts, stream.close().values])


@pytest.mark.parametrize("fps", [24, 25, 30, 60, "30000/1001"])
def test_a_stream_gives_what_the_file_gives(model: MouthModel, fps: int | str) -> None:
    samples, rate = _speechlike(2.3), Rate.of(fps)
    whole = model.generate(Waveform(samples, SPEECH_RATE), rate)
    streamed = _streamed(model, samples, rate, 533)
    assert whole.n_frames == rate.count(2.3)
    np.testing.assert_allclose(streamed, whole.values, atol=1e-5)


@pytest.mark.parametrize("piece", [160, 1_000, 7_777])
def test_the_size_of_the_pieces_does_not_matter(model: MouthModel, piece: int) -> None:
    samples, rate = _speechlike(1.5), Rate.of(30)
    whole = model.generate(Waveform(samples, SPEECH_RATE), rate)
    np.testing.assert_allclose(_streamed(model, samples, rate, piece), whole.values, atol=1e-5)


def test_a_frame_hears_no_more_than_its_look_ahead(model: MouthModel) -> None:
    assert TOTAL_LOOKAHEAD_S <= 0.080
    samples, rate = _speechlike(2.0), Rate.of(60)
    changed = samples.copy()
    at_s = 1.2
    changed[round(at_s * 16_000) :] = 0.3
    before = model.generate(Waveform(samples, SPEECH_RATE), rate).values
    after = model.generate(Waveform(changed, SPEECH_RATE), rate).values
    deaf = int((at_s - TOTAL_LOOKAHEAD_S) * 60)
    np.testing.assert_array_equal(before[: deaf + 1], after[: deaf + 1])
    assert np.abs(before - after)[deaf + 3 :].max() > 1e-3


def test_a_stream_gives_frames_as_early_as_it_says(model: MouthModel) -> None:
    samples, rate = _speechlike(2.0), Rate.of(30)
    stream, n = model.open_stream(rate), 0
    for piece in range(0, len(samples), 160):
        n += stream.push(samples[piece : piece + 160]).n_frames
        heard_s = (piece + 160) / 16_000
        assert rate.time_of(n) >= heard_s - TOTAL_LOOKAHEAD_S - 0.0101  # one piece of 10 ms


def test_two_streams_do_not_know_each_other(model: MouthModel) -> None:
    samples, rate = _speechlike(1.0), Rate.of(30)
    alone = _streamed(model, samples, rate, 533)
    one, other = model.open_stream(rate), model.open_stream(rate)
    parts = []
    for i in range(0, len(samples), 533):
        other.push(np.full(533, 0.2, np.float32))
        parts.append(one.push(samples[i : i + 533]).values)
    np.testing.assert_allclose(np.concatenate([*parts, one.close().values]), alone, atol=1e-5)


def test_silence_keeps_the_mouth_shut(model: MouthModel) -> None:
    quiet = Waveform((np.random.default_rng(0).normal(0, 1e-4, 80_000)).astype(np.float32), SPEECH_RATE)
    motion = model.generate(quiet, Rate.of(30))
    gap = READOUTS.measure_mm(motion.to_layout(READOUTS.layout).values.astype(float))
    assert gap[60:, readout_index("lip_gap")].max() < 0.5  # after two seconds


def test_only_the_mouth_moves(model: MouthModel) -> None:
    motion = model.generate(Waveform(_speechlike(1.0), SPEECH_RATE), Rate.of(30))
    others = [i for i, name in enumerate(ARKIT_61.names) if name not in MOUTH_33]
    assert motion.values[:, others].max() == 0
    assert motion.values.min() >= 0
    assert motion.values.max() <= 1


def test_an_empty_push_gives_nothing(model: MouthModel) -> None:
    stream = model.open_stream(Rate.of(30))
    assert stream.push(np.zeros(0, np.float32)).n_frames == 0
