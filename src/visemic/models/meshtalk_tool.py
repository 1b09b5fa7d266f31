"""What a language of faces is good for: swap, retarget, edit, and see which words it uses.

Every tool works on classes, a small table of numbers that stands for a clip: take the sound's
half from one clip and the expression's from another, draw the same classes on another face, put
one head's class over a stretch of time, count what is used.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from visemic.core.errors import InputError
from visemic.core.signals import Waveform
from visemic.models.meshtalk_motion import Labels, MeshTalkModel, Vertices
from visemic.models.meshtalk_window import MESHTALK_RATE

_Other = Float32[np.ndarray, "other_frames vertices 3"]

_CELL = 4
"""Pixels of a class in a picture of usage."""
_MM = 1_000.0


def swap(
    model: MeshTalkModel,
    sound_from: Waveform,
    expression_from: _Other,
    neutral: Float32[np.ndarray, "vertices 3"],
    giver_neutral: Float32[np.ndarray, "own_vertices 3"] | None = None,
) -> Vertices:
    """Give a face whose lips follow a sound and whose upper face follows another clip.

    Args:
        model: Trained.
        sound_from: What is said.
        expression_from: A moving mesh, metres, 30 frames a second; held at its last frame if it is
            shorter than the sound.
        neutral: The face at rest that shall move, metres.
        giver_neutral: The face at rest of the clip that gives the expression; None if it is the same.

    Raises:
        RigError: A mesh is of another topology.
        InputError: The expression has no frame.
    """
    giver = neutral if giver_neutral is None else giver_neutral
    return model.draw(swapped_classes(model, sound_from, expression_from, giver), neutral)


def swapped_classes(
    model: MeshTalkModel,
    sound_from: Waveform,
    expression_from: _Other,
    giver_neutral: Float32[np.ndarray, "own_vertices 3"],
) -> Labels:
    """Give the classes of a swap; see ``swap``."""
    if not len(expression_from):
        raise InputError("the clip that gives the expression has 0 frames; give at least one")
    n_frames = MESHTALK_RATE.count(sound_from.duration_s)
    codes = model.expression_codes(expression_from[:n_frames], giver_neutral)
    held = codes[np.minimum(np.arange(n_frames), len(codes) - 1)]
    return model.classes_of(held, model.sound_codes(sound_from))


def retarget(model: MeshTalkModel, labels: Labels, neutral: Float32[np.ndarray, "vertices 3"]) -> Vertices:
    """Give the same classes on another face of the topology; see ``MeshTalkModel.draw``."""
    return model.draw(labels, neutral)


def edited(labels: Labels, head: int, label: int, *, start_s: float, stop_s: float) -> Labels:
    """Give classes with one head's class set over a time.

    Args:
        labels: Of a clip.
        head: Which head, from 0.
        label: The class that it shall have.
        start_s: First moment, seconds.
        stop_s: Moment before which it ends.

    Raises:
        InputError: There is no such head, or the time is empty or outside of the clip.
    """
    if not 0 <= head < labels.shape[1]:
        raise InputError(f"there is no head {head}; heads are 0 to {labels.shape[1] - 1}")
    if label < 0:
        raise InputError(f"there is no class {label}; classes count from 0")
    first, stop = MESHTALK_RATE.tick_at(start_s), MESHTALK_RATE.tick_at(stop_s)
    if not 0 <= first < stop <= len(labels):
        raise InputError(
            f"{start_s:g} to {stop_s:g} s are no part of a clip of {MESHTALK_RATE.time_of(len(labels)):g} s; "
            "give a start before an end within it"
        )
    out = labels.copy()
    out[first:stop, head] = label
    return out


@dataclass(frozen=True, eq=False)
class HeadUsage:
    """Which classes are used, and how often."""

    counts: Int64[np.ndarray, "heads classes"]

    @property
    def perplexity(self) -> Float64[np.ndarray, " heads"]:
        """For each head, how many equally frequent classes would be as varied; 1 is a dead head."""
        share = self.counts / np.maximum(1, self.counts.sum(1, keepdims=True))
        logs = np.log(np.where(share > 0, share, 1.0))
        return np.exp(-(share * logs).sum(1))

    def picture(self) -> UInt8[np.ndarray, "rows columns 3"]:
        """Give a picture: a row for each head, its classes from the most used to the least.

        Brightness goes with the logarithm, so that rare classes can be seen; blue is never.
        """
        ranked = -np.sort(-self.counts, axis=1)
        top = max(1, int(ranked.max()))
        light = np.log1p(ranked) / np.log1p(top)
        cells = np.zeros((*ranked.shape, 3), np.uint8)
        cells[...] = np.round(40 + 215 * light)[..., None]
        cells[ranked == 0] = (20, 30, 70)
        return cells.repeat(_CELL, axis=0).repeat(_CELL, axis=1)


def head_usage(labels: Labels, classes: int) -> HeadUsage:
    """Count the classes of clips.

    Args:
        labels: Of one clip, or of several one after another.
        classes: In each head.
    """
    counts = [np.bincount(labels[:, head], minlength=classes) for head in range(labels.shape[1])]
    return HeadUsage(np.stack(counts).astype(np.int64))


@dataclass(frozen=True)
class Leakage:
    """How far each half of the face follows the wrong half of the input."""

    mouth: float
    """Change of the mouth when the expression is swapped, over that when the sound is."""
    upper_face: float
    """Change of the upper face when the sound is swapped, over that when the expression is."""


def leakage(
    own: Vertices,
    other_expression: Vertices,
    other_sound: Vertices,
    mouth: Float32[np.ndarray, " vertices"],
    upper_face: Float32[np.ndarray, " vertices"],
) -> Leakage:
    """Measure what a swap changes where it should not.

    Args:
        own: A clip from its own sound and expression.
        other_expression: The same sound with the expression of another clip.
        other_sound: The same expression with the sound of another clip.
        mouth: Soft mask.
        upper_face: Soft mask.
    """
    of_expression, of_sound = other_expression - own, other_sound - own
    return Leakage(
        region_mean_mm(of_expression, mouth) / max(region_mean_mm(of_sound, mouth), 1e-9),
        region_mean_mm(of_sound, upper_face) / max(region_mean_mm(of_expression, upper_face), 1e-9),
    )


def region_mean_mm(difference: Vertices, mask: Float32[np.ndarray, " vertices"]) -> float:
    """Give the mean distance in a region, millimetres, of differences in metres."""
    chosen = np.flatnonzero(mask > 0)
    distance = np.linalg.norm(difference[:, chosen], axis=2).mean(axis=0, dtype=np.float64)
    return float(_MM * (distance * mask[chosen]).sum() / mask[chosen].sum())
