"""What the writer of instructions hears: how something is said, twenty-five times a second.

Beside the states of a frozen speech encoder stand curves of the voice: loudness, pitch, voicing,
tempo and the shape of the spectrum. A recording's gain says nothing, and whose voice it is must
not decide; so loudness and melody count from the middle of the span that is heard, and only the
pitch itself and the spectrum are taken as they are.

Frame ``k`` speaks of the time from ``k / 25`` to ``(k + 1) / 25`` s.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import AudioError
from visemic.core.signals import Waveform
from visemic.features.prosody import ENERGY, PITCH, VOICING, extract_prosody
from visemic.features.speech_encoder import SpeechEncoder
from visemic.models.step_network import StepNetwork

NAME, VERSION = "instruction-hearing", 2
HEARING_RATE = Rate.of(25)
_STEPS = 4
"""Hundredths of a second in a frame."""
N_BANDS = 16
_LOW_HZ, _HIGH_HZ = 80.0, 7_600.0
_N_FFT, _WINDOW = 512, 400
_FLOOR_DB = -90.0
SPOKEN_RANGE_DB = 35.0
"""Frames this much below the loudest are no speech."""
LEVEL, OCTAVES, VOICED, PERIODIC, CHANGE, TREMBLE, UNEVEN = range(7)
"""Columns of the curves: dB below full scale; pitch in octaves over 100 Hz, 0 unvoiced; share of
voiced time; how periodic the voice is; phones begun; how far the pitch trembles around its course,
and how uneven it is from one hundredth of a second to the next, both in semitones. The bands
follow, dB against the whole."""
N_CURVES = 7 + N_BANDS
_COURSE_STEPS = 15
_LEAST_RUN = 12
_FAR_ST = 2.0
_UNSTEADY_FLOOR_ST = 0.02
SHOWN = (
    "level", "level_change", "pitch", "melody", "melody_change", "voiced", "periodic", "change",
    "tremble", "uneven",
    *(f"band_{i}" for i in range(N_BANDS)),
)  # fmt: skip
"""What a frame shows beside the encoder's state."""
_SPREAD = ("level", "level_change", "melody", "melody_change", "periodic", "tremble", "uneven")
_SHARES = (10, 25, 75, 90)
N_DESCRIBED = 2 * len(SHOWN) + len(_SHARES) * len(_SPREAD) + 7
"""Numbers that describe a span; the last is its loudness."""
LOUDNESS_UNIT_DB = 10.0
"""Decibels in one of the loudness."""
N_WHOLE = 2 * N_DESCRIBED
"""Numbers that the network is told of a span: its own, and its own against the voice at rest."""


@dataclass(frozen=True, eq=False)
class Heard:
    """A sound as the writer of instructions hears it."""

    states: Float32[np.ndarray, "frames width"]
    """Of the speech encoder."""
    curves: Float32[np.ndarray, "frames curves"]
    """Of the voice."""
    speech: Float32[np.ndarray, " frames"]
    """How likely somebody speaks, 0 to 1."""

    def part(self, first: int, stop: int) -> "Heard":
        """Give some frames."""
        return Heard(self.states[first:stop], self.curves[first:stop], self.speech[first:stop])

    def frames(self) -> Float32[np.ndarray, "frames inputs"]:
        """Give states and curves side by side, the curves as the network sees them."""
        return np.concatenate([self.states, shown_curves(self.curves)], axis=1)

    def described(self) -> Float32[np.ndarray, " numbers"]:
        """Give what describes the whole; see ``described``."""
        return described(self.curves)


def hear(waveform: Waveform, phonetic: StepNetwork, encoder: SpeechEncoder | None = None) -> Heard:
    """Hear a sound of any rate.

    Args:
        waveform: At least one sample.
        phonetic: Our phonetic encoder: its states are heard where no other encoder is given, and
            its phones tell tempo and pauses in any case.
        encoder: Another frozen speech encoder.

    Raises:
        AudioError: The waveform is empty.
    """
    if len(waveform.samples) == 0:
        raise AudioError("the waveform has 0 samples; give at least one")
    sound = resample(waveform, SPEECH_RATE)
    n_frames = max(1, int(np.ceil(sound.duration_s * 25 - 1e-6)))
    found = phonetic.whole(sound, ("phones", "embedding"))
    phones = _at_length(found["phones"], 2 * n_frames)
    if encoder is None:
        states = _at_length(found["embedding"], 2 * n_frames).reshape(n_frames, 2, -1).mean(axis=1)
    else:
        states = _at_length(encoder.extract(sound, HEARING_RATE).values.astype(np.float32), n_frames)
    changes = np.abs(np.diff(phones, axis=0, prepend=phones[:1])).sum(axis=1) / 2
    prosody = _at_length(extract_prosody(sound).values.astype(np.float32), _STEPS * n_frames)
    curves = np.empty((n_frames, N_CURVES), np.float32)
    curves[:, LEVEL : PERIODIC + 1] = _pooled(prosody.reshape(n_frames, _STEPS, 3))
    curves[:, CHANGE] = changes.reshape(n_frames, 2).sum(axis=1)
    curves[:, TREMBLE : UNEVEN + 1] = _unsteady(prosody[:, PITCH]).reshape(n_frames, _STEPS, 2).mean(axis=1)
    curves[:, UNEVEN + 1 :] = _bands(sound.samples, n_frames)
    speech = 1.0 - phones[:, 0].reshape(n_frames, 2).mean(axis=1)
    return Heard(states.astype(np.float32), curves, speech.astype(np.float32))


def _at_length(values: Float32[np.ndarray, "steps _"], n: int) -> Float32[np.ndarray, "n _"]:
    """Give so many rows: the last is held, what is over is dropped."""
    return values[np.minimum(np.arange(n), len(values) - 1)]


def _pooled(prosody: Float32[np.ndarray, "frames steps 3"]) -> Float32[np.ndarray, "frames 4"]:
    voiced = prosody[..., PITCH] > 0
    octaves = np.where(voiced, np.log2(np.maximum(prosody[..., PITCH], 1.0) / 100.0), 0.0)
    count = voiced.sum(axis=1)
    level = 10 * np.log10(np.mean(10 ** (prosody[..., ENERGY] / 10), axis=1))
    columns = (level, octaves.sum(axis=1) / np.maximum(count, 1), count / prosody.shape[1])
    return np.stack([*columns, prosody[..., VOICING].mean(axis=1)], axis=1).astype(np.float32)


def _unsteady(pitch_hz: Float32[np.ndarray, " steps"]) -> Float32[np.ndarray, "steps 2"]:
    """Give how far the pitch is from its own course, and from its neighbours', in semitones; 0 unvoiced."""
    found = np.zeros((len(pitch_hz), 2), np.float32)
    voiced = pitch_hz > 0
    course = np.hanning(_COURSE_STEPS)
    course /= course.sum()
    edges = np.flatnonzero(np.diff(voiced.astype(np.int8), prepend=0, append=0))
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - first < _LEAST_RUN:
            continue
        run = 12 * np.log2(pitch_hz[first:stop].astype(float))
        smooth = np.convolve(np.pad(run, _COURSE_STEPS // 2, mode="edge"), course, mode="valid")
        # The ends of a run have no course to tremble around.
        inner = slice(first + 2, stop - 2)
        found[inner, 0] = np.minimum(np.abs(run - smooth)[2:-2], _FAR_ST)
        found[inner, 1] = np.minimum(np.abs(run[2:] - 2 * run[1:-1] + run[:-2])[1:-1], _FAR_ST)
    return found


def _bands(samples: Float32[np.ndarray, " samples"], n_frames: int) -> Float32[np.ndarray, "frames bands"]:
    """Give the level of each band against the sum of all, dB."""
    hop = 640
    padded = np.zeros(n_frames * hop + _N_FFT, np.float32)
    padded[_WINDOW // 2 : _WINDOW // 2 + len(samples)] = samples[: n_frames * hop + _N_FFT - _WINDOW // 2]
    window = np.hanning(_WINDOW).astype(np.float32)
    hz = np.fft.rfftfreq(_N_FFT, 1 / 16_000)
    edges = np.geomspace(_LOW_HZ, _HIGH_HZ, N_BANDS + 1)
    # Narrow bands below hold one bin at least.
    owner = np.clip(np.searchsorted(edges, hz, side="right") - 1, 0, N_BANDS - 1)
    inside = (hz >= _LOW_HZ) & (hz < _HIGH_HZ)
    gather = np.zeros((len(hz), N_BANDS), np.float32)
    gather[np.flatnonzero(inside), owner[inside]] = 1.0
    gather /= np.maximum(gather.sum(axis=0), 1.0)
    power = np.zeros((n_frames, N_BANDS))
    for quarter in range(_STEPS):
        starts = np.arange(n_frames) * hop + quarter * hop // _STEPS
        frames = padded[starts[:, None] + np.arange(_WINDOW)] * window
        power += (np.abs(np.fft.rfft(frames, _N_FFT, axis=1)) ** 2) @ gather / _STEPS
    whole = power.sum(axis=1, keepdims=True)
    below = 10 * np.log10(np.maximum(power, 1e-9 * whole + 1e-12) / np.maximum(whole, 1e-12))
    return np.maximum(below, _FLOOR_DB).astype(np.float32)


def is_spoken(curves: Float32[np.ndarray, "frames curves"]) -> Bool[np.ndarray, " frames"]:
    """Say which frames are loud enough to be speech; the loudest always is."""
    level = curves[:, LEVEL]
    return level >= level.max() - SPOKEN_RANGE_DB


def shown_curves(curves: Float32[np.ndarray, "frames curves"]) -> Float32[np.ndarray, "frames shown"]:
    """Give the curves of a span with its gain and the middle of its pitch taken out; see ``SHOWN``."""
    spoken = is_spoken(curves)
    voiced = (curves[:, VOICED] > 0.4) & spoken
    level = np.clip(curves[:, LEVEL] - _mean_db(curves[spoken, LEVEL]), -40.0, 20.0) / 10
    pitch = curves[:, OCTAVES]
    middle = float(np.median(pitch[voiced])) if voiced.any() else 0.0
    melody = np.where(voiced, np.clip(pitch - middle, -1.5, 1.5), 0.0)
    both = voiced & np.roll(voiced, 1)
    both[:1] = False
    columns = (
        level,
        np.diff(level, prepend=level[:1]),
        np.where(voiced, pitch, middle),
        4 * melody,
        4 * np.where(both, np.diff(melody, prepend=melody[:1]), 0.0),
        voiced.astype(float),
        curves[:, PERIODIC],
        curves[:, CHANGE],
        *(np.log(_UNSTEADY_FLOOR_ST + np.maximum(curves[:, [TREMBLE, UNEVEN]], 0.0)).T),
    )
    bands = np.maximum(curves[:, UNEVEN + 1 :], -60.0) / 10
    return np.concatenate([np.stack(columns, axis=1), bands], axis=1).astype(np.float32)


def described(curves: Float32[np.ndarray, "frames curves"]) -> Float32[np.ndarray, " numbers"]:
    """Describe a span in numbers: means, spreads and shares of its curves while it speaks."""
    shown = shown_curves(curves).astype(float)
    spoken = is_spoken(curves)
    voiced = shown[:, SHOWN.index("voiced")] > 0
    voiced = voiced if voiced.any() else spoken
    runs = voiced & (curves[:, UNEVEN] > 0)
    # Pitch exists where it is voiced, its course in runs that last; the spectrum is compared where
    # it is voiced too, for phones differ least there.
    where = {**dict.fromkeys(_OF_SPEECH, spoken), **dict.fromkeys(_OF_RUNS, runs if runs.any() else voiced)}
    rows = {name: shown[where.get(name, voiced), i] for i, name in enumerate(SHOWN)}
    numbers = [float(rows[name].mean()) for name in SHOWN]
    numbers += [float(rows[name].std()) for name in SHOWN]
    numbers += [float(v) for name in _SPREAD for v in np.percentile(rows[name], _SHARES)]
    numbers += _shape_of_melody(shown[:, SHOWN.index("melody")], voiced)
    spoken_s = spoken.sum() / float(HEARING_RATE)
    # How many phones a second of speech, how breathy where voiced, how much is silent.
    numbers += [
        float(shown[spoken, SHOWN.index("change")].sum() / spoken_s) / 10,
        float(np.log(1.02 - rows["periodic"]).mean()),
        1.0 - float(spoken.mean()),
        _mean_db(curves[spoken, LEVEL]) / LOUDNESS_UNIT_DB,
    ]
    return np.array(numbers, np.float32)


_OF_SPEECH = ("level", "level_change", "voiced", "change")
_OF_RUNS = ("tremble", "uneven")


def _shape_of_melody(
    melody: Float[np.ndarray, " frames"], voiced: Bool[np.ndarray, " frames"]
) -> list[float]:
    """Give the rise over the span, the rise of its end against its middle, and how it trembles."""
    at = np.flatnonzero(voiced)
    values = melody[at]
    if len(at) < 4:
        return [0.0, 0.0, 0.0]
    times = (at - at.mean()) / max(float(at[-1] - at[0]), 1.0)
    rise = float((times * values).sum() / max((times**2).sum(), 1e-6))
    end = float(values[-max(1, len(values) // 5) :].mean() - values.mean())
    bend = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])[np.diff(at, n=2) == 0]
    return [rise, end, float(np.median(bend)) if len(bend) else 0.0]


def _mean_db(level_db: Float[np.ndarray, " frames"]) -> float:
    return float(10 * np.log10(np.mean(10 ** (level_db.astype(float) / 10))))
