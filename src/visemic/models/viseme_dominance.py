"""Coarticulation: segments compete for each group of articulators by dominance.

Each segment pulls each group towards its target with a strength that is full over its middle
and decays exponentially before and after; the curve is the weighted mean. Lips round early
because their decay is slow; sounds of the tongue leave the lips to the vowels because their
strength there is low.

Shape letters: none; axes are named in full.
"""

import numpy as np
from jaxtyping import Float

from visemic.models.viseme_segments import Segments
from visemic.motion.calibrate import SHAPES
from visemic.motion.contact_windows import smoothstep

GROUPS: dict[str, tuple[str, ...]] = {
    "jaw": ("jawOpen",),
    "seal": ("mouthClose", "mouthPress", "mouthRollLower", "mouthRollUpper", "mouthShrugLower"),
    "aperture": ("mouthLowerDown", "mouthUpperUp"),
    "spread": ("mouthStretch", "mouthSmile", "mouthDimple"),
    "round": ("mouthFunnel", "mouthPucker"),
    "tongue": ("tongueOut",),
}
"""Articulators that move together; the columns of ``Segments.strengths``."""

_REACH_S = 0.6
"""How far a segment is felt beyond its plateau; its slowest decay is below 0.5 % there."""
_ROUNDING_S = 0.012
"""The corner of the plateau is rounded over this time, so that speed does not jump."""
_BLOCK_FRAMES = 128
_ANTICIPATION_S = 0.12
_SETTLE_S = 0.30
_LINGER_S = 0.05
_END_S = 0.15


def blend(
    segments: Segments, times_s: Float[np.ndarray, " frames"], end_s: float
) -> Float[np.ndarray, "frames shapes"]:
    """Give the weights of ``SHAPES`` at the times asked.

    Cost and memory are linear in the number of frames: a segment is felt only nearby.

    Args:
        segments: Cover the clip.
        times_s: Rising.
        end_s: Time of the last frame, at which the mouth is at rest.

    Source:
        Cohen & Massaro 1993, "Modeling Coarticulation in Synthetic Visual Speech", the
        dominance form with exponent 1.

    Deviation:
        A plateau over the central third with a rounded corner, and an end after 0.6 s.
    """
    first, last = _plateaus(segments)
    felt_s = _REACH_S + _ROUNDING_S
    weights = np.zeros((len(times_s), len(SHAPES)))
    for start in range(0, len(times_s), _BLOCK_FRAMES):
        block = times_s[start : start + _BLOCK_FRAMES]
        low = int(np.searchsorted(last, block[0] - felt_s))
        high = int(np.searchsorted(first, block[-1] + felt_s, side="right"))
        near = slice(low, max(high, low + 1))
        apart = np.maximum(first[near, None] - block, block - last[near, None])
        apart = np.sqrt(np.maximum(apart, 0.0) ** 2 + _ROUNDING_S**2) - _ROUNDING_S
        for number, shapes in enumerate(GROUPS.values()):
            rate = segments.rates_hz[near, number, None]
            end = np.exp(-rate * _REACH_S)
            pull = np.maximum(np.exp(-rate * apart) - end, 0.0) / (1.0 - end)
            pull *= segments.strengths[near, number, None]
            columns = [SHAPES.index(shape) for shape in shapes]
            total = np.maximum(pull.sum(axis=0), 1e-9)
            pulled = pull.T @ segments.targets[near][:, columns]
            weights[start : start + _BLOCK_FRAMES, columns] = pulled / total[:, None]
    return weights * _rest_gate(segments, times_s, end_s)[:, None]


def _plateaus(
    segments: Segments,
) -> tuple[Float[np.ndarray, " segments"], Float[np.ndarray, " segments"]]:
    """Give where each segment's full strength begins and ends: the central third, or a rest but its ends."""
    length = segments.end_s - segments.start_s
    first = segments.start_s + length / 3
    last = segments.end_s - length / 3
    rest_first = segments.start_s + np.minimum(_LINGER_S, length / 3)
    rest_last = segments.end_s - np.minimum(_ANTICIPATION_S, length / 3)
    first = np.where(segments.is_rest, rest_first, first)
    last = np.where(segments.is_rest, rest_last, last)
    return np.maximum.accumulate(first), np.maximum.accumulate(last)


def _rest_gate(
    segments: Segments, times_s: Float[np.ndarray, " frames"], end_s: float
) -> Float[np.ndarray, " frames"]:
    """Give a factor that is exactly 0 in the inside of a rest and at the clip's end, 1 in speech."""
    number = np.clip(np.searchsorted(segments.start_s, times_s, side="right") - 1, 0, None)
    resting = segments.is_rest[number]
    since_s, until_s = times_s - segments.start_s[number], segments.end_s[number] - times_s
    settling = np.where(number > 0, 1.0 - smoothstep(since_s / _SETTLE_S), 0.0)
    rising = 1.0 - smoothstep(until_s / _ANTICIPATION_S)
    rising = np.where(number < len(segments.start_s) - 1, rising, 0.0)
    gate = np.where(resting, np.maximum(settling, rising), 1.0)
    return gate * smoothstep((end_s - times_s) / _END_S)
