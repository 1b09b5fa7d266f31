"""What the motion-space sync network hears and sees, as arrays on one clock.

It hears 40 log-mel bands 120 times a second and sees four curves of the mouth 30 times a
second. The curves are read-outs in millimetres, which every head and every corpus has, and not
weights, which each rig and each tracker uses in its own way. Both are brought to one size per
clip: neither the level and tone of a recording nor how far somebody opens the mouth count.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import AudioError, InputError
from visemic.core.signals import MeshMotion, Motion, Waveform
from visemic.rig.readout import Readouts, readout_index

SYNC_RATE = Rate.of(30)
"""Frames a second of the network."""
STEPS_PER_FRAME = 4
"""Steps of sound a frame."""
N_BANDS = 40
CURVES = ("lip_gap", "mouth_width", "lip_protrusion", "incisor_gap")
"""What the network sees of a mouth, millimetres."""
SMALLEST_SPREAD_MM = (0.4, 0.4, 0.2, 0.4)
"""Curves that move less than this stay small; a face at rest must not be blown up to speech."""

_WINDOW_S, _N_FFT = 0.025, 512
_LOW_HZ, _HIGH_HZ = 60.0, 7_600.0
_FLOOR_BELOW_PEAK_DB = 60.0
_DB_PER_UNIT = 20.0
_BLOCK_STEPS = 4_096


@dataclass(frozen=True)
class MouthVertices:
    """Vertices of a mesh that stand for the mouth, by number; None where it has no such place."""

    upper_lip: int
    """Inner upper lip at the midline."""
    lower_lip: int
    """Inner lower lip at the midline."""
    corner_left: int
    """Corner of the mouth on the person's left."""
    corner_right: int
    upper_lip_front: int | None = None
    """Foremost point of the upper lip at the midline."""
    lower_lip_front: int | None = None
    jaw: int | None = None
    """A point that moves with the jaw, such as the lower incisors' edge or the chin."""


def mouth_curves_mm(
    motion: Motion | MeshMotion, readouts: Readouts | None = None, vertices: MouthVertices | None = None
) -> Float[np.ndarray, "frames curves"]:
    """Give the curves of ``CURVES`` at 30 frames a second.

    Args:
        motion: At any rate; a curve that a mesh has no vertices for stands still.
        readouts: Of the head that plays weights.
        vertices: Of the mouth of a mesh.

    Raises:
        InputError: The mouth of such motion was not named.
    """
    if isinstance(motion, Motion):
        if readouts is None:
            raise InputError("weights have no lips without a head; give the scorer its read-outs")
        curves = _curves_of_weights(motion, readouts)
    else:
        if vertices is None:
            raise InputError("a mesh has no lips by itself; give the scorer the vertices of its mouth")
        curves = _curves_of_mesh(motion, vertices)
    if motion.rate == SYNC_RATE:
        return curves
    old_s = motion.rate.times_s(len(curves))
    new_s = SYNC_RATE.times_s(SYNC_RATE.count(len(curves) / float(motion.rate)))
    return np.stack([np.interp(new_s, old_s, curve) for curve in curves.T], axis=1)


def normalised_mouth(curves_mm: Float[np.ndarray, "frames curves"]) -> Float32[np.ndarray, "frames curves"]:
    """Give every curve mean 0 and spread 1, or less if it hardly moves."""
    spread = np.maximum(curves_mm.std(axis=0), np.asarray(SMALLEST_SPREAD_MM))
    return ((curves_mm - curves_mm.mean(axis=0)) / spread).astype(np.float32)


def mel_power(waveform: Waveform, n_frames: int) -> Float32[np.ndarray, "steps bands"]:
    """Give the power of sound in mel bands, four steps a frame, each centred on its time.

    Args:
        waveform: At any rate; silence follows where it ends before the frames do.
        n_frames: Frames at 30 a second.

    Raises:
        AudioError: The waveform is empty.
    """
    if len(waveform.samples) == 0:
        raise AudioError("the waveform has 0 samples; give at least one")
    samples = resample(waveform, SPEECH_RATE).samples
    width = round(_WINDOW_S * float(SPEECH_RATE))
    window = np.hanning(width + 2)[1:-1].astype(np.float32)
    steps_hz = SYNC_RATE.hz * STEPS_PER_FRAME
    centres = np.round(np.arange(n_frames * STEPS_PER_FRAME) * float(SPEECH_RATE.hz / steps_hz))
    starts = centres.astype(np.int64) - width // 2
    padded = np.zeros(int(starts[-1]) + 2 * width if len(starts) else 0, np.float32)
    kept = min(len(samples), len(padded) - width // 2)
    padded[width // 2 : width // 2 + kept] = samples[:kept]
    bank = _mel_bank()
    power = np.empty((len(starts), N_BANDS), np.float32)
    for first in range(0, len(starts), _BLOCK_STEPS):
        at = starts[first : first + _BLOCK_STEPS] + width // 2
        frames = padded[at[:, None] + np.arange(width)] * window
        spectrum = np.fft.rfft(frames, _N_FFT)
        power[first : first + _BLOCK_STEPS] = (spectrum.real**2 + spectrum.imag**2) @ bank
    return power


def normalised_sound(power: Float32[np.ndarray, "steps bands"]) -> Float32[np.ndarray, "steps bands"]:
    """Give the level of each band about its mean, in units of 20 dB.

    Softer than 60 dB below the loudest is silence. Taking the mean away removes the level and
    the tone of room, microphone and voice.
    """
    peak = max(float(power.max()), 1e-12)
    level_db = 10.0 * np.log10(np.maximum(power / peak, 10.0 ** (-_FLOOR_BELOW_PEAK_DB / 10.0)))
    return ((level_db - level_db.mean(axis=0)) / _DB_PER_UNIT).astype(np.float32)


def _curves_of_weights(motion: Motion, readouts: Readouts) -> Float[np.ndarray, "frames curves"]:
    measured = readouts.measure_mm(motion.to_layout(readouts.layout).values.astype(float))
    lips = [readout_index(name) for name in ("upper_lip_protrusion", "lower_lip_protrusion")]
    return np.stack(
        [
            measured[:, readout_index("lip_gap")],
            measured[:, readout_index("mouth_width")],
            measured[:, lips].mean(axis=1),
            measured[:, readout_index("incisor_gap")],
        ],
        axis=1,
    )


def _curves_of_mesh(motion: MeshMotion, mouth: MouthVertices) -> Float[np.ndarray, "frames curves"]:
    def axis_mm(vertex: int | None, axis: int) -> np.ndarray:
        if vertex is None:
            return np.zeros(len(motion.vertices))
        return motion.vertices[:, vertex, axis].astype(float) * 1_000

    return np.stack(
        [
            axis_mm(mouth.upper_lip, 1) - axis_mm(mouth.lower_lip, 1),
            axis_mm(mouth.corner_left, 0) - axis_mm(mouth.corner_right, 0),
            0.5 * (axis_mm(mouth.upper_lip_front, 2) + axis_mm(mouth.lower_lip_front, 2)),
            -axis_mm(mouth.jaw, 1),
        ],
        axis=1,
    )


def _mel_bank() -> Float32[np.ndarray, "bins bands"]:
    """Give triangles of equal width on the mel scale, each of sum 1."""
    mel = 2_595.0 * np.log10(1.0 + np.array([_LOW_HZ, _HIGH_HZ]) / 700.0)
    edges_hz = 700.0 * (10.0 ** (np.linspace(mel[0], mel[1], N_BANDS + 2) / 2_595.0) - 1.0)
    bins_hz = np.arange(_N_FFT // 2 + 1) * float(SPEECH_RATE) / _N_FFT
    rise = (bins_hz[:, None] - edges_hz[:-2]) / np.diff(edges_hz)[:-1]
    fall = (edges_hz[2:] - bins_hz[:, None]) / np.diff(edges_hz)[1:]
    bank = np.maximum(0.0, np.minimum(rise, fall))
    return (bank / bank.sum(axis=0)).astype(np.float32)
