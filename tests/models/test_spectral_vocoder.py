"""Pulses have their pitch, windows add up to one, and what is live is what was trained."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from visemic.core.errors import InputError
from visemic.models.source_filter import MIDDLE_HZ, PITCH_RANGE, SourceFilter
from visemic.models.spectral_vocoder import (
    SpectralVocoder,
    SpectralVocoderConfig,
    Voicing,
    pulse_train,
    smallest_phase,
    synthesise,
    voicing_of,
)

torch.set_num_threads(1)

SMALL = SpectralVocoderConfig(n_mels=5, channels=8, kernel=3, lookaheads=(1, 1, 0), hop_length=40)


def pulses_at(hz: float, n_frames: int = 81, hop: int = 200) -> np.ndarray:
    pitch = torch.full((1, n_frames), hz)
    return pulse_train(pitch, torch.zeros(1, dtype=torch.float64), hop, 16_000.0)[0].numpy()


def flat(n_frames: int, pulses: float, noise: float, phase: float = 0.0) -> Voicing:
    shape = (1, 2 * n_frames, 201)
    parts = (torch.full(shape, v) for v in (pulses, phase, noise))
    return Voicing(torch.zeros(1, n_frames), *parts)


def test_the_default_is_small():
    network = SpectralVocoder(SpectralVocoderConfig())
    assert sum(parameter.numel() for parameter in network.parameters()) < 2_000_000


@pytest.mark.parametrize("hz", [100.0, 160.0, 213.3])
def test_pulses_come_at_their_pitch_with_power_one(hz):
    sound = pulses_at(hz)
    assert sound.std() == pytest.approx(1.0, rel=0.02)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    found = np.flatnonzero(spectrum > 0.5 * spectrum.max()) * 16_000 / len(sound)
    assert np.abs(found / hz - np.round(found / hz)).max() < 0.02
    assert round(found.max() / hz) >= math.floor(8_000 / hz) - 1


def test_pulses_of_a_whole_number_of_samples_are_clicks():
    sound = pulses_at(160.0)
    assert (np.flatnonzero(sound > 0.5 * sound.max()) % 100 == 0).all()


def test_a_glide_leaves_no_seam_between_frames():
    pitch = torch.linspace(120, 180, 41)[None]
    whole = pulse_train(pitch, torch.zeros(1, dtype=torch.float64), 200, 16_000.0)[0]
    steps = (
        pitch[0, :20, None] + (pitch[0, 1:21] - pitch[0, :20])[:, None] * torch.arange(200) / 200
    ).double()
    phase = (steps.sum() / 16_000 % 1)[None]
    late = pulse_train(pitch[:, 20:], phase, 200, 16_000.0)[0]
    assert (whole[4_000:] - late).abs().max() < 0.05


def test_the_smallest_phase_answers_before_it_echoes():
    log_magnitude = torch.log(torch.fft.rfft(torch.tensor([1.0, 0.5, 0.25] + [0.0] * 397)).abs())[None, None]
    spectrum = torch.polar(log_magnitude.exp(), smallest_phase(log_magnitude))
    answer = torch.fft.irfft(spectrum, 400)[0, 0]
    torch.testing.assert_close(answer[:4], torch.tensor([1.0, 0.5, 0.25, 0.0]), atol=1e-4, rtol=0)


def test_what_is_not_coloured_comes_through_unchanged():
    torch.manual_seed(0)
    n_frames = 12
    pulses, noise = torch.randn(2, 1, 200 * (n_frames - 1))
    nothing = -60.0
    for voicing, source in ((flat(n_frames, 0.0, nothing), pulses), (flat(n_frames, nothing, 0.0), noise)):
        sound = synthesise(voicing, pulses, noise)
        # It starts half a frame late and ends one and a half frames early.
        assert sound.shape[1] == 200 * (n_frames - 1) - 400
        torch.testing.assert_close(sound[:, 200:], source[:, 300 : 100 + sound.shape[1]], atol=1e-5, rtol=0)


def test_live_sound_is_that_of_training_at_any_cut():
    rng = np.random.default_rng(0)
    config = SpectralVocoderConfig()
    rows = rng.normal(0, 0.5, (30, config.row)).astype(np.float32)
    live = SourceFilter(200, 16_000.0, seed=4)
    cuts = [0, 1, 2, 7, 8, 20, 30]
    sound = np.concatenate([live.push(rows[a:b]) for a, b in pairwise(cuts)])
    whole = SourceFilter(200, 16_000.0, seed=4).push(rows)
    assert np.abs(whole - sound).max() < 2e-4 * np.abs(whole).max()

    voicing = voicing_of(torch.from_numpy(rows)[None])
    pulses = pulse_train(voicing.log_pitch.exp(), torch.zeros(1, dtype=torch.float64), 200, 16_000.0)
    noise = np.random.default_rng(4).standard_normal(pulses.shape[1], np.float32)
    trained = synthesise(voicing, pulses, torch.from_numpy(noise)[None])[0].numpy()
    assert np.abs(whole - trained).max() < 1e-3 * np.abs(whole).max()


def test_pitch_stays_in_its_range():
    rows = torch.zeros(1, 3, SpectralVocoderConfig().row)
    rows[0, :, 0] = torch.tensor([-100.0, 0.0, 100.0])
    expected = math.log(MIDDLE_HZ) + torch.tensor([[-PITCH_RANGE, 0.0, PITCH_RANGE]])
    torch.testing.assert_close(voicing_of(rows).log_pitch, expected)


def test_a_network_in_pieces_gives_what_it_gives_at_once():
    torch.manual_seed(0)
    network = SpectralVocoder(SMALL).eval()
    mel = torch.randn(1, 40, 5)
    with torch.no_grad():
        whole, _ = network(mel, network.first_state(1))
        state, pieces = network.first_state(1), []
        for piece in mel.split([1, 2, 16, 21], dim=1):
            rows, state = network(piece, state)
            pieces.append(rows)
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=1e-5, rtol=1e-4)


def test_the_future_beyond_the_delay_does_not_change_the_past():
    torch.manual_seed(0)
    network = SpectralVocoder(SMALL).eval()
    mel = torch.randn(1, 40, 5)
    changed = mel.clone()
    changed[:, 20] += 1.0
    with torch.no_grad():
        a, _ = network(mel, network.first_state(1))
        b, _ = network(changed, network.first_state(1))
    touched = (a - b).abs().amax(-1)[0].nonzero().flatten()
    # Outputs come delay_frames late: row 20 speaks of frame 18, the first that hears frame 20.
    assert touched.min() == 20
    assert touched.max() == 20 + SMALL.delay_frames + SMALL.past_frames


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"channels": 0}, "channels is 0"),
        ({"hop_length": 25}, "multiple of 2"),
        ({"lookaheads": (9, 0)}, "0 to 6"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(words, message):
    with pytest.raises(InputError, match=message):
        SpectralVocoderConfig(**words)
