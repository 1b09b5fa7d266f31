"""What is to be seen: heads in motion side by side, and what is drawn over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visemic.core.errors import ClockError, InputError, RigError
from visemic.core.signals import Alignment, Motion
from visemic.render.error_colour import check_limit
from visemic.rig.linear import Rig

MAX_SHOTS = 4
"""Heads side by side."""
MAX_CLOCK_GAP_S = 0.1
"""By how much two things that belong together may differ in length."""


@dataclass(frozen=True, eq=False)
class Shot:
    """A head in motion."""

    rig: Rig
    motion: Motion
    alignment: Alignment | None = None
    """Words and phones for subtitles and labels."""
    title: str = ""
    """Shown above the head."""
    against: "Shot | None" = None
    """Another motion of the same vertices: each is coloured by its distance from there, both heads
    held level."""


@dataclass(frozen=True)
class Overlay:
    """What is drawn over the heads."""

    subtitles: bool = False
    """Words, the spoken one in colour."""
    labels: bool = False
    """The phone that is spoken and its viseme."""
    curves: bool = False
    """A strip of curves below each head."""
    wireframe: bool = False
    """The edges of the triangles that are seen."""
    error_max_mm: float = 5.0
    """Distance that has the last colour of the scale, for a shot against another."""


def check_shots(shots: Sequence[Shot], overlay: Overlay) -> None:
    """Refuse shots that do not make one picture.

    Raises:
        InputError: A shot is empty, or its alignment lacks what the overlay shows.
        ClockError: Frame rates differ, or the two motions of a comparison in length.
        RigError: The two heads of a comparison do not have the same vertices.
    """
    if not 1 <= len(shots) <= MAX_SHOTS:
        raise InputError(f"{len(shots)} heads side by side cannot be drawn; give 1 to {MAX_SHOTS}")
    check_limit(overlay.error_max_mm)
    for shot in shots:
        for motion in [shot.motion] + ([shot.against.motion] if shot.against else []):
            if motion.n_frames == 0:
                raise InputError("a motion of 0 frames cannot be drawn; give at least one frame")
            if motion.rate != shots[0].motion.rate:
                raise ClockError(
                    f"two motions run at {float(shots[0].motion.rate):g} and {float(motion.rate):g} Hz; "
                    "resample one of them to the other's rate"
                )
        if shot.against is not None:
            _check_twins(shot, shot.against)
    known = [shot.alignment for shot in shots if shot.alignment is not None]
    if overlay.subtitles and not any(alignment.words for alignment in known):
        raise InputError(
            "no words are known to show as subtitles; give the text when the motion is made, "
            "or leave the subtitles out"
        )
    if overlay.labels and not any(alignment.phones for alignment in known):
        raise InputError("no phones are known to show as labels; render a .json or .npz that keeps them")


def _check_twins(shot: Shot, other: Shot) -> None:
    same = shot.rig.n_vertices == other.rig.n_vertices
    if not same or not np.array_equal(shot.rig.triangles, other.rig.triangles):
        raise RigError(
            f"rigs {shot.rig.name!r} of {shot.rig.n_vertices} vertices and {other.rig.name!r} of "
            f"{other.rig.n_vertices} do not have the same triangles; compare motions on one rig"
        )
    ours_s, theirs_s = shot.motion.duration_s, other.motion.duration_s
    if abs(ours_s - theirs_s) > max(MAX_CLOCK_GAP_S, 2 / float(shot.motion.rate.hz)):
        raise ClockError(
            f"the compared motions last {ours_s:.2f} s and {theirs_s:.2f} s; cut one of them to the other"
        )
