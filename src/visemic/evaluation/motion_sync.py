"""Does this mouth go with this sound? A small trained network answers, without a picture.

It takes the place that SyncNet has for videos: one vector a frame for sound and for mouth, the
mean distance of the two at every lag, the smallest of them and how much better it is than the
median. How far it can be believed stands on its card, ``docs/models/motion-sync.md``.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.artifact import Artifact
from visemic.core.errors import ArtifactError, ClockError, InputError
from visemic.core.hub import find_artifact
from visemic.core.onnx_session import open_session
from visemic.core.signals import MeshMotion, Motion, Waveform
from visemic.evaluation.motion_sync_input import (
    CURVES,
    N_BANDS,
    SMALLEST_SPREAD_MM,
    STEPS_PER_FRAME,
    SYNC_RATE,
    MouthVertices,
    mel_power,
    mouth_curves_mm,
    normalised_mouth,
    normalised_sound,
)
from visemic.evaluation.sync import MAX_LAG_S, SyncScore
from visemic.rig.readout import Readouts

KIND = "motion-sync"
SOUND_FILE, MOUTH_FILE = "sound.onnx", "mouth.onnx"

_MIN_PAIRS = 15
"""Frames that are compared at the largest lag, at least."""
_STILL_SHARE = 0.02
"""A mouth whose curves all move less than this share of the smallest spread stands still."""
_UNRELATED = float(np.sqrt(2.0))
"""Distance of two unit vectors that have nothing in common."""


class MotionSyncScorer:
    """Scores motion by the trained sync network; needs no PyTorch.

    The distance lies between 0 and 2; sound and mouth that have nothing to do with each other are
    about 1.4 apart. A model that was trained against a network must not be judged by the same one.

    Example:
        >>> from visemic.rig.readout import fit_readouts
        >>> from visemic.rig.registry import load_rig
        >>> MotionSyncScorer(fit_readouts(load_rig("visemic"))).name
        'motion-sync'
    """

    def __init__(
        self,
        readouts: Readouts | None = None,
        *,
        vertices: MouthVertices | None = None,
        network: str | Path = "motion-sync",
        max_lag_s: float = MAX_LAG_S,
    ) -> None:
        """Load the network and name the mouth.

        Args:
            readouts: Of the head that plays weights.
            vertices: Of the mouth of a mesh.
            network: Name of one that visemic brings, or the folder of another.
            max_lag_s: Largest lag, seconds.

        Raises:
            ArtifactError: The network is missing, damaged or made for other inputs.
            InputError: The largest lag is shorter than a frame.
        """
        self._readouts, self._vertices = readouts, vertices
        self._max_lag = SYNC_RATE.tick_at(max_lag_s)
        if self._max_lag < 1:
            raise InputError(
                f"a largest lag of {max_lag_s:g} s is shorter than a frame; give 0.034 s or more"
            )
        artifact = find_artifact(str(network), kind=KIND)
        _check_inputs(artifact)
        self.name = artifact.info.name
        self._margin = int(str(artifact.info.normaliser["margin_frames"]))
        self._sound = _session(artifact.file(SOUND_FILE))
        self._mouth = _session(artifact.file(MOUTH_FILE))

    def score(self, motion: Motion | MeshMotion, waveform: Waveform) -> SyncScore:
        """Score one clip.

        Raises:
            InputError: The mouth of such motion was not named.
            ClockError: The clip is shorter than about 1.5 s.
            AudioError: The waveform is empty.
        """
        mouth_mm = mouth_curves_mm(motion, self._readouts, self._vertices)
        shortest = 2 * self._margin + self._max_lag + _MIN_PAIRS
        if len(mouth_mm) < shortest:
            raise ClockError(
                f"a clip of {len(mouth_mm) / float(SYNC_RATE):.2f} s is too short for lags of up to "
                f"{self._max_lag} frames; give {shortest / float(SYNC_RATE):.2f} s or more"
            )
        if np.all(mouth_mm.std(axis=0) < _STILL_SHARE * np.asarray(SMALLEST_SPREAD_MM)):
            return SyncScore(_UNRELATED, 0.0, float("nan"), _UNRELATED)
        sound = self.sound_vectors(waveform, len(mouth_mm))
        return score_from_distances(lag_distances(sound, self.mouth_vectors(mouth_mm), self._max_lag))

    def sound_vectors(self, waveform: Waveform, n_frames: int) -> Float32[np.ndarray, "windows embedding"]:
        """Give the unit vectors of the sound of ``n_frames`` frames at 30 a second."""
        return _run(self._sound, normalised_sound(mel_power(waveform, n_frames)))

    def mouth_vectors(
        self, mouth_mm: Float[np.ndarray, "frames curves"]
    ) -> Float32[np.ndarray, "windows embedding"]:
        """Give the unit vectors of a mouth at 30 frames a second."""
        return _run(self._mouth, normalised_mouth(mouth_mm))


def lag_distances(
    sound: Float[np.ndarray, "windows embedding"],
    mouth: Float[np.ndarray, "windows embedding"],
    max_lag: int,
) -> Float[np.ndarray, " lags"]:
    """Give the mean distance with the mouth taken ``-max_lag`` to ``max_lag`` frames later.

    Only frames that have a partner count; nothing is padded.

    Source:
        Chung and Zisserman 2016, "Out of time: automated lip sync in the wild", the mean over a
        clip of the distance at each offset.

    Deviation:
        The paper's script fills up with zeros, which are far from every unit vector.
    """
    n = len(mouth)
    means = []
    for lag in range(-max_lag, max_lag + 1):
        late = mouth[max(0, lag) : n + min(0, lag)]
        early = sound[max(0, -lag) : n - max(0, lag)]
        cosine = np.einsum("we,we->w", late.astype(float), early.astype(float))
        means.append(np.sqrt(np.maximum(0.0, 2.0 - 2.0 * cosine)).mean())
    return np.array(means)


def score_from_distances(distances: Float[np.ndarray, " lags"]) -> SyncScore:
    """Give the smallest distance, how far the median lies above it, its lag, and that of lag 0."""
    best, middle = int(np.argmin(distances)), len(distances) // 2
    return SyncScore(
        float(distances[best]),
        float(np.median(distances) - distances[best]),
        float(best - middle) / float(SYNC_RATE),
        float(distances[middle]),
    )


def input_description() -> dict[str, Any]:
    """Give what a network's inputs are, as its artefact states them."""
    return {
        "steps_per_frame": STEPS_PER_FRAME,
        "n_bands": N_BANDS,
        "curves": list(CURVES),
        "smallest_spread_mm": list(SMALLEST_SPREAD_MM),
    }


def _check_inputs(artifact: Artifact) -> None:
    stated = artifact.info.normaliser
    for key, value in input_description().items():
        if stated.get(key) != value:
            raise ArtifactError(
                f"sync network {artifact.info.name!r} was made for {key} {stated.get(key)!r} and this "
                f"visemic gives {value!r}; train it again"
            )


def _session(path: Path) -> Any:
    try:
        return open_session(path)
    except Exception as error:
        raise ArtifactError(f"file {str(path)!r} cannot be run ({type(error).__name__}: {error})") from error


def _run(
    session: Any, values: Float32[np.ndarray, "rows columns"]
) -> Float32[np.ndarray, "windows embedding"]:
    """Run a tower on one clip."""
    (found,) = session.run(None, {session.get_inputs()[0].name: values[None]})
    vectors: np.ndarray = found[0]
    return vectors
