"""What exporters take and readers give: one clip as plain data."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from visemic.core.errors import FormatError, OutputError
from visemic.core.layout import ROTATIONS, Layout
from visemic.core.signals import Alignment, Motion, Provenance, Waveform
from visemic.rig.linear import Rig

Progress = Callable[[int, int], None]
"""Called now and then with frames done and frames in all."""


@dataclass(frozen=True, eq=False)
class ClipData:
    """A voice, its alignment and a moving face on one clock."""

    waveform: Waveform | None
    """None when the clip has no sound, as in a motion file."""
    alignment: Alignment | None
    """None when it is not known who says what when."""
    motion: Motion
    rig: Rig | None
    """None when the clip is curves only; formats with a mesh need one."""
    provenance: Provenance


def exportable_motion(motion: Motion) -> Motion:
    """Give the motion as files may hold it: finite, weights within 0 and 1, rotations as they are.

    Every exporter passes its motion through here, since engines disagree about weights
    outside their range.

    Raises:
        OutputError: The motion has no frame, no channel, or a value that is not a number.
    """
    if motion.n_frames == 0 or len(motion.layout) == 0:
        raise OutputError(
            f"motion has {motion.n_frames} frames of {len(motion.layout)} channels; "
            "at least one of each is needed to write a file"
        )
    if not np.isfinite(motion.values).all():
        frame, column = np.argwhere(~np.isfinite(motion.values))[0]
        raise OutputError(
            f"motion holds {motion.values[frame, column]} in channel {motion.layout.names[column]!r} at "
            f"frame {frame}; only finite values can be written, so mend the motion first"
        )
    values = motion.values.copy()
    weights = [i for i, name in enumerate(motion.layout.names) if name not in ROTATIONS]
    values[:, weights] = np.clip(values[:, weights], 0, 1)
    return Motion(values, motion.layout, motion.rate)


def motion_in(motion: Motion, layout: Layout, suffix: str) -> Motion:
    """Give exportable motion in a format's own layout: channels by name, missing ones at 0.

    Raises:
        OutputError: See ``exportable_motion``.
        FormatError: The two layouts share no channel, so that the file would be still.
    """
    if not any(name in layout for name in motion.layout):
        raise FormatError(
            f"a {suffix} file holds channels such as {layout.names[0]!r} and the motion has only others such "
            f"as {motion.layout.names[0]!r}; retarget the motion first"
        )
    return exportable_motion(motion).to_layout(layout)


def required_rig(clip: ClipData, suffix: str) -> Rig:
    """Give the clip's head.

    Raises:
        FormatError: The clip has none.
    """
    if clip.rig is None:
        raise FormatError(
            f"a {suffix} file holds a head and this clip has none; choose one with a rig's name"
        )
    return clip.rig


def required_alignment(clip: ClipData, suffix: str) -> Alignment:
    """Give the clip's alignment.

    Raises:
        FormatError: The clip has none.
    """
    if clip.alignment is None:
        raise FormatError(
            f"a {suffix} file holds the times of speech and this clip has none; make it from text or sound"
        )
    return clip.alignment
