"""FACEGOOD-Audio2Face: an artist's mouth curves of one Mandarin speaker at 30 frames a second.

``clips.json`` names the 27 channels in the order of the columns of each ``<clip>.npy``; the
sound is ``<clip>.flac``. Channels carry the names of facial actions, and become ARKit's.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.core.layout import ARKIT_52
from visemic.data.importers.array_file import read_npy
from visemic.data.importers.clip import ClipFacts, motion_recordings
from visemic.data.importers.folder import clean_id, required_file
from visemic.data.importers.sound import read_sound, sound_beside
from visemic.data.recording import Recording, Split

LICENCE = "MIT"
SPEAKER = "facegood"
TEST_CLIPS = ("2_02", "2_04")
"""Sentences; the others are words."""
VALIDATION_CLIPS = ("2_05",)

_ARKIT: dict[str, tuple[tuple[str, float], ...]] = {
    "tooth_d_d": (("jawOpen", 0.5),),
    "mouth_chinRaise_u": (("mouthShrugUpper", 1.0),),
    "mouth_funnel_dl": (("mouthFunnel", 0.25),),
    "mouth_funnel_dr": (("mouthFunnel", 0.25),),
    "mouth_funnel_ul": (("mouthFunnel", 0.25),),
    "mouth_funnel_ur": (("mouthFunnel", 0.25),),
    "mouth_lipCornerPull_l": (("mouthSmileLeft", 1.0),),
    "mouth_lipCornerPull_r": (("mouthSmileRight", 1.0),),
    "mouth_lipStretch_l": (("mouthStretchLeft", 1.0),),
    "mouth_lipStretch_r": (("mouthStretchRight", 1.0),),
    "mouth_lowerLipDepress_l": (("mouthLowerDownLeft", 1.0),),
    "mouth_lowerLipDepress_r": (("mouthLowerDownRight", 1.0),),
    "mouth_oh_c": (("jawOpen", 0.15), ("mouthFunnel", 0.5)),
    "mouth_oo_c": (("mouthPucker", 0.8), ("mouthFunnel", 0.15)),
    "mouth_press_l": (("mouthPressLeft", 1.0),),
    "mouth_press_r": (("mouthPressRight", 1.0),),
    "mouth_pucker_l": (("mouthPucker", 0.5),),
    "mouth_pucker_r": (("mouthPucker", 0.5),),
    "mouth_stretch_c": (("jawOpen", 1.0),),
    "mouth_suck_dl": (("mouthRollLower", 0.5),),
    "mouth_suck_dr": (("mouthRollLower", 0.5),),
    "mouth_suck_ul": (("mouthRollUpper", 0.5),),
    "mouth_suck_ur": (("mouthRollUpper", 0.5),),
    "mouth_upperLipRaise_l": (("mouthUpperUpLeft", 1.0),),
    "mouth_upperLipRaise_r": (("mouthUpperUpRight", 1.0),),
    "nose_wrinkle_l": (("noseSneerLeft", 1.0),),
    "nose_wrinkle_r": (("noseSneerRight", 1.0),),
}
"""Ours, by the actions that the names state: stretch of the mouth is the jaw's, stretch of the
lips the corners', suck the roll of a lip; quarters and halves of a shape add up to it."""


class FacegoodImporter:
    """Reads the five recordings."""

    kind = "facegood"
    description = "FACEGOOD-Audio2Face: clips.json, .npy curves and .flac"

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the recordings in the order of ``clips.json``.

        Raises:
            FormatError: A file is missing or damaged, a channel is unknown, or a row is not finite.
            ClockError: Sound and motion differ in length by over half a second.
            AudioError: A sound cannot be read.
        """
        index = required_file(source, "clips.json")
        names, rate, clips = _index(index)
        matrix = _matrix(names, index)
        for name in clips:
            path = required_file(source, f"{name}.npy")
            curves = _curves(path, len(names))
            sound = sound_beside(path)
            facts = ClipFacts(
                clean_id(name),
                SPEAKER,
                _split(name),
                LICENCE,
                self.kind,
                language="cmn",
                waveform=read_sound(sound, len(curves), rate) if sound else None,
                notes=("27 channels of facial actions mapped to ARKit's by name",),
            )
            values = np.clip(curves @ matrix, 0.0, 1.0).astype(np.float32)
            yield from motion_recordings(facts, rate.times_s(len(values)), values, ARKIT_52, rate)


def _split(name: str) -> Split:
    if name in TEST_CLIPS:
        return "test"
    return "validation" if name in VALIDATION_CLIPS else "train"


def _index(path: Path) -> tuple[list[str], Rate, list[str]]:
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
        names = [str(name) for name in document["channels"]]
        return names, Rate.of(document["fps"]), [str(clip["id"]) for clip in document["clips"]]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise FormatError(f"file {str(path)!r} has no channels, fps and clips; download it again") from error


def _matrix(names: list[str], path: Path) -> Float32[np.ndarray, "channels 52"]:
    matrix = np.zeros((len(names), len(ARKIT_52)), np.float32)
    for row, name in enumerate(names):
        if name not in _ARKIT:
            raise FormatError(
                f"channel {name!r} of {str(path)!r} is not one of the {len(_ARKIT)} of this corpus"
            )
        for shape, share in _ARKIT[name]:
            matrix[row, ARKIT_52.index(shape)] += share
    return matrix


def _curves(path: Path, n_channels: int) -> Float32[np.ndarray, "frames channels"]:
    curves = read_npy(path)
    if curves.ndim != 2 or curves.shape[1] != n_channels or curves.dtype.kind != "f" or not len(curves):
        raise FormatError(
            f"file {str(path)!r} has shape {curves.shape} of {curves.dtype}; "
            f"frames x {n_channels} floats are needed"
        )
    bad = np.flatnonzero(~np.isfinite(curves).all(axis=1))
    if len(bad):
        raise FormatError(f"row {bad[0]} of {str(path)!r} holds a weight that is not finite; mend the row")
    return curves.astype(np.float32)
