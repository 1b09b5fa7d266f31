"""What the small GE2E speaker encoder hears: mel powers without a logarithm, in windows of 1.6 s.

Loud stretches of speech only: the level is raised to a target and long silences are cut,
so that a speaker's vector does not depend on how often he pauses.
"""

import numpy as np
from jaxtyping import Bool, Float32

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import InputError
from visemic.core.signals import Features, Waveform
from visemic.features.autovc_mel import at_level_db
from visemic.features.mel import mel_filters, mel_spectrum

SPEAKER_MEL_RATE = Rate.of(100)
SPEAKER_MELS = 40
SPEAKER_MEL_VERSION = "1"
PART_STEPS = 160
"""Steps in a window: 1.6 s."""

_HOP_SAMPLES = 160
_N_FFT = 400
_LEVEL_DB = -30.0
_VOICE_SAMPLES = 480
"""30 ms, the longest that the judge takes."""
_MEAN_WINDOWS = 8
_GROW_WINDOWS = 6
_AGGRESSIVENESS = 3
_SHORT_OF_A_PART = 0.75
"""A last window with less of its length than this in the sound is dropped."""


def extract_speaker_mel(waveform: Waveform, *, trimmed: bool = True) -> Features:
    """Give the mel powers of a waveform of any rate; step ``k`` is centred at ``k / 100`` s.

    Args:
        waveform: Sound, resampled to 16 kHz first.
        trimmed: Raise the level to -30 dB and cut long silences first; the steps then lie on
            the clock of what is left.

    Raises:
        AudioError: The waveform is empty.

    Source:
        Wan et al. 2018, "Generalized End-to-End Loss for Speaker Verification", with the
        settings of the published Resemblyzer encoder.
    """
    samples = _speech(waveform) if trimmed else resample(waveform, SPEECH_RATE).samples
    return Features(_powers(samples), SPEAKER_MEL_RATE, f"speaker-mel-{SPEAKER_MELS}", SPEAKER_MEL_VERSION)


def _speech(waveform: Waveform) -> Float32[np.ndarray, " samples"]:
    samples = resample(waveform, SPEECH_RATE).samples
    return without_silence(at_level_db(samples, _LEVEL_DB, may_lower=False))


def _powers(samples: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, "steps mels"]:
    filters = mel_filters(SPEAKER_MELS, _N_FFT, float(SPEECH_RATE), 0.0, float(SPEECH_RATE) / 2)
    power = mel_spectrum(samples, filters, window_length=_N_FFT, hop_length=_HOP_SAMPLES, exponent=2)
    return power.astype(np.float32)


def without_silence(samples: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, " kept"]:
    """Cut the pauses that WebRTC's judge finds, leaving 0.18 s around speech; all silence stays whole.

    Args:
        samples: Sound at 16 kHz.
    """
    n_windows = len(samples) // _VOICE_SAMPLES
    if n_windows == 0:
        return samples
    whole = samples[: n_windows * _VOICE_SAMPLES]
    kept = np.repeat(_grown(_voiced(whole)), _VOICE_SAMPLES)
    return whole[kept] if kept.any() else samples


def _voiced(samples: Float32[np.ndarray, " samples"]) -> Bool[np.ndarray, " windows"]:
    import webrtcvad

    judge = webrtcvad.Vad(mode=_AGGRESSIVENESS)
    pcm = np.clip(np.round(samples * 32_767), -32_768, 32_767).astype("<i2")
    windows = pcm.reshape(-1, _VOICE_SAMPLES)
    return np.array([judge.is_speech(window.tobytes(), int(SPEECH_RATE.hz)) for window in windows], bool)


def _grown(voiced: Bool[np.ndarray, " windows"]) -> Bool[np.ndarray, " windows"]:
    """Join votes over 8 windows, then let speech grow by 3 on either side."""
    before = (_MEAN_WINDOWS - 1) // 2
    votes = np.pad(voiced.astype(float), (before, _MEAN_WINDOWS - 1 - before))
    # Exactly half a vote is not speech: the published code rounds halves to even.
    is_speech = np.convolve(votes, np.ones(_MEAN_WINDOWS) / _MEAN_WINDOWS, mode="valid") > 0.5
    votes = np.pad(is_speech.astype(float), _GROW_WINDOWS // 2)
    return np.convolve(votes, np.ones(_GROW_WINDOWS + 1), mode="valid") > 0.5


def part_starts(n_samples: int, parts_a_second: float = 1.3) -> tuple[int, ...]:
    """Give the first steps of the overlapping windows that cover a sound.

    Args:
        n_samples: Length of the sound at 16 kHz.
        parts_a_second: Windows begun each second; at least 0.625, which leaves no gap.

    Returns:
        Steps; the last window may reach beyond the sound and is then filled with zeros.

    Raises:
        InputError: The windows would leave gaps or start more often than there are steps.
    """
    stride = round(float(SPEECH_RATE) / parts_a_second / _HOP_SAMPLES) if parts_a_second > 0 else 0
    if not 0 < stride <= PART_STEPS:
        raise InputError(f"{parts_a_second:g} windows a second cannot be laid; give between 0.625 and 100")
    n_steps = -(-(n_samples + 1) // _HOP_SAMPLES)
    starts = list(range(0, max(1, n_steps - PART_STEPS + stride + 1), stride))
    covered = (n_samples - starts[-1] * _HOP_SAMPLES) / (PART_STEPS * _HOP_SAMPLES)
    if covered < _SHORT_OF_A_PART and len(starts) > 1:
        starts.pop()
    return tuple(starts)


def extract_speaker_parts(
    waveform: Waveform, *, parts_a_second: float = 1.3
) -> Float32[np.ndarray, "parts 160 mels"]:
    """Give the overlapping windows of mel powers whose vectors are averaged to one of the speaker.

    Args:
        waveform: Sound of any rate, trimmed here.
        parts_a_second: Windows begun each second of speech.

    Raises:
        AudioError: The waveform is empty.
        InputError: The windows would leave gaps.
    """
    speech = _speech(waveform)
    starts = part_starts(len(speech), parts_a_second)
    missing = (starts[-1] + PART_STEPS) * _HOP_SAMPLES - len(speech)
    mel = _powers(np.pad(speech, (0, max(0, missing))))
    return np.stack([mel[start : start + PART_STEPS] for start in starts])
